/** YAML as it is, its keys, texts, numbers and masked secrets in colours of their own. */

import { useMemo } from "react";
import { tokenizeYaml } from "@/model/yaml";
import styles from "./Yaml.module.css";

export function Yaml({ text, label }: { readonly text: string; readonly label: string }) {
  const lines = useMemo(() => tokenizeYaml(text), [text]);
  return (
    <pre className={styles.yaml} tabIndex={0} role="region" aria-label={label}>
      <code>
        {lines.map((tokens, line) => (
          <span key={line}>
            {tokens.map(({ kind, text }, index) =>
              kind === "plain" ? (
                text
              ) : (
                <span
                  key={index}
                  className={styles[kind]}
                  title={kind === "masked" ? "A secret: it is set, and never shown" : undefined}
                >
                  {text}
                </span>
              ),
            )}
            {"\n"}
          </span>
        ))}
      </code>
    </pre>
  );
}
