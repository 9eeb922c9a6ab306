/** Attributes of a span, its resource and its scope: sorted, filtered, copied, searched for. */

import { Search } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import type { Attribute } from "@/model/traceData";
import { searchFor, type SearchedLevel } from "@/model/values";
import { CopyButton } from "@/parts/CopyButton";
import { useSearchLink } from "./searchLink";
import { useTraceView } from "../store";
import { Section } from "./Section";
import { Value } from "./Value";
import styles from "./AttributeGroups.module.css";

export function AttributeGroups({ row }: { readonly row: number }) {
  const { trace } = useTraceView();
  const [filter, setFilter] = useState("");
  const scope = trace.scope(row);
  const ofScope: Attribute[] = [
    { key: "name", value: scope.name, type: "string" },
    { key: "version", value: scope.version, type: "string" },
    ...scope.attributes,
  ];
  const attributes = trace.attributes(row);
  const resource = trace.resource(row);
  return (
    <>
      <div className={styles.filter}>
        <input
          type="search"
          aria-label="Filter attributes"
          placeholder="Filter attributes by key or value"
          value={filter}
          spellCheck={false}
          onChange={(event) => setFilter(event.currentTarget.value)}
        />
      </div>
      <Group title="Attributes" level="span" {...{ attributes, filter }} />
      <Group title="Resource" level="resource" attributes={resource} filter={filter} />
      <Group
        title="Scope"
        level="scope"
        attributes={ofScope.filter(({ value }) => value)}
        filter={filter}
        folded
      />
    </>
  );
}

function Group({
  title,
  level,
  attributes,
  filter,
  folded,
}: {
  readonly title: string;
  readonly level: SearchedLevel;
  readonly attributes: readonly Attribute[];
  readonly filter: string;
  readonly folded?: boolean;
}) {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = attributes.filter(({ key, value }) =>
    words.every((word) => `${key}=${value}`.toLowerCase().includes(word)),
  );
  if (!attributes.length) return null;
  return (
    <Section title={title} count={attributes.length} folded={folded ?? false}>
      {shown.length ? (
        <AttributeTable attributes={shown} level={level} caption={title} />
      ) : (
        <p className={styles.none}>None of them matches the filter.</p>
      )}
    </Section>
  );
}

/** Keys and values, sorted by key. */
export function AttributeTable({
  attributes,
  level,
  caption,
}: {
  readonly attributes: readonly Attribute[];
  readonly level: SearchedLevel;
  readonly caption: string;
}) {
  const sorted = attributes.toSorted((one, other) => (one.key < other.key ? -1 : 1));
  return (
    <table className={styles.table}>
      <caption className="visually-hidden">{caption}</caption>
      <colgroup>
        <col className={styles.keys} />
        <col />
        <col className={styles.actions} />
      </colgroup>
      <tbody>
        {sorted.map((attribute, index) => (
          <tr key={`${attribute.key} ${index}`}>
            <th scope="row">{attribute.key}</th>
            <td>
              <Value attribute={attribute} />
            </td>
            <td className={styles.tools}>
              <SearchLink attribute={attribute} level={level} />
              <CopyButton text={attribute.value} label={`Copy the value of ${attribute.key}`} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface SearchLinkProps {
  readonly attribute: Pick<Attribute, "key" | "value">;
  readonly level: SearchedLevel;
}

/** A magnifier that leads to the spans with this value. */
export function SearchLink({ attribute, level }: SearchLinkProps) {
  const link = useSearchLink();
  const query = searchFor(attribute, level);
  if (!query) return null;
  const label = `Search for spans with this ${attribute.key}`;
  return (
    <Link href={link(query)} className={styles.search} aria-label={label} title={label}>
      <Search size={14} aria-hidden />
    </Link>
  );
}
