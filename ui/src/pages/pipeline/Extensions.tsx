/** What runs beside the pipelines, and where it listens. */

import { Link } from "wouter";
import { keyOf, type Component } from "@/model/pipeline";
import { useUrl } from "@/url/location";
import styles from "./PipelinePage.module.css";

export function Extensions({ extensions }: { readonly extensions: readonly Component[] }) {
  const { link } = useUrl();
  if (!extensions.length) return null;
  return (
    <section aria-labelledby="extensions" className={styles.section}>
      <h2 id="extensions">Extensions</h2>
      <ul className={styles.extensions}>
        {extensions.map((extension) => (
          <li key={extension.id}>
            <Link href={link({ component: keyOf(extension) })} replace>
              {extension.id}
            </Link>{" "}
            <code>{Object.values(extension.addresses).join(", ")}</code>
          </li>
        ))}
      </ul>
    </section>
  );
}
