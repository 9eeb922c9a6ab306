/** The effective configuration: to read, to search with the browser, to copy and to keep. */

import { Download } from "lucide-react";
import { Button } from "@/parts/Button";
import { CopyButton } from "@/parts/CopyButton";
import { download } from "@/parts/download";
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
            onClick={() => download("ananta.yaml", "application/yaml", [config])}
          >
            Download
          </Button>
        </span>
      </header>
      <Yaml text={config} label="The configuration as YAML" />
    </section>
  );
}
