/** Lays out a graph by Graphviz, away from the page's own thread. */

import { instance } from "@viz-js/viz";

export type Reply = { readonly plain: string } | { readonly error: string };

addEventListener("message", ({ data: dot }: MessageEvent<string>) => {
  void layOut(dot).then((reply) => postMessage(reply));
});

async function layOut(dot: string): Promise<Reply> {
  try {
    const viz = await instance();
    return { plain: viz.renderString(dot, { format: "plain", engine: "dot" }) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
