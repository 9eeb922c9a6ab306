/** The effective configuration: to read, to search with the browser, to copy and to keep. */

import { Download } from "lucide-react";
import { Button } from "@/parts/Button";
import { CopyButton } from "@/parts/CopyButton";
import { Yaml } from "./Yaml";
import styles from "./PipelinePage.module.css";

export function Configuration({ config }: { readonly config: string }) {
  return (
    <section aria-labelledby="configuration" className={styles.section}>
      <header className={styles.head}>
        <h2 id="configuration">Effective configuration</h2>
        <span className={styles.note}>all files and defaults laid together, secrets masked</span>
        <span className={styles.tools}>
          <CopyButton text={config} label="Copy the configuration" />
          <Button
            icon={<Download size={14} aria-hidden />}
            onClick={() => download(config, "ananta.yaml")}
          >
            Download
          </Button>
        </span>
      </header>
      <Yaml text={config} label="The configuration as YAML" />
    </section>
  );
}

function download(text: string, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
