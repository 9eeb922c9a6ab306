/** The colours of the theme as numbers, for pictures that are painted pixel by pixel. */

import type { ServiceColor } from "@/model/colors";
import type { Palette } from "@/model/minimap";

/** Colours of services, in their order, as the theme has them where an element stands. */
export function readPalette(
  element: Element,
  services: readonly string[],
  colors: ReadonlyMap<string, ServiceColor>,
): Palette {
  const style = getComputedStyle(element);
  const read = (name: string) => toNumber(style.getPropertyValue(name).trim());
  return {
    services: Uint32Array.from(services, (name) =>
      read(`--service-${colors.get(name)?.slot ?? 0}`),
    ),
    error: read("--error"),
  };
}

/** `#rrggbb` as `0xffbbggrr`. */
function toNumber(color: string): number {
  const red = parseInt(color.slice(1, 3), 16);
  const green = parseInt(color.slice(3, 5), 16);
  const blue = parseInt(color.slice(5, 7), 16);
  return ((0xff << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
