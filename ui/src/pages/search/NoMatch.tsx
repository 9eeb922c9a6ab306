/** Nothing matches: what could be left out, or where else to look. */

import { SearchX } from "lucide-react";
import { formTerms, readTerms, replaceTerm, writeComparison, type Term } from "@/model/searchLine";
import { describeLookback, LOOKBACKS, type Lookback } from "@/model/timeRange";
import { Button } from "@/parts/Button";
import { Empty } from "@/parts/States";
import type { SearchState } from "./useSearch";
import styles from "./Results.module.css";

export function NoMatch({ state: { search, change } }: { readonly state: SearchState }) {
  const terms = readTerms(search.line);
  const wider = widerThan(search.range);
  return (
    <Empty title="No trace matches" icon={<SearchX size={28} aria-hidden />}>
      <p>
        {terms.length > 1
          ? "One span must meet all conditions at once. Leave one out, or look further back."
          : terms.length
            ? "No span meets this condition. Leave it out, or look further back."
            : "There is no span in this range of time."}
      </p>
      <div className={styles.ways}>
        {terms.map((term) => (
          <Button
            key={term.begin}
            onClick={() => change({ line: replaceTerm(search.line, term, "") })}
          >
            Without <code>{term.text}</code>
          </Button>
        ))}
        {terms.map((term) => {
          const event = asEvent(term);
          return event ? (
            <Button
              key={`event ${term.begin}`}
              title="Spans with an event of this name"
              onClick={() => change({ line: replaceTerm(search.line, term, event) })}
            >
              Instead <code>{event}</code>
            </Button>
          ) : null;
        })}
        {wider ? (
          <Button variant="primary" onClick={() => change({ range: { lookback: wider } })}>
            {describeLookback(wider)}
          </Button>
        ) : null}
      </div>
      {formTerms(search.line).attributes.length ? (
        <p>Names and values are compared exactly; * stands for anything.</p>
      ) : null}
    </Empty>
  );
}

/** A name alone asks for an attribute; it may be the name of an event. */
function asEvent({ comparison }: Term): string | null {
  if (comparison?.operator !== "exists" || comparison.name === "event") return null;
  return writeComparison({ name: "event", operator: "=", value: comparison.name });
}

/** The next longer stretch that makes a difference; from one between two points, a day. */
function widerThan(range: SearchState["search"]["range"]): Lookback | null {
  if (!("lookback" in range)) return "24h";
  const ways: readonly Lookback[] = ["1h", "6h", "24h", "7d", "4w"];
  return ways.find((way) => LOOKBACKS[way] > LOOKBACKS[range.lookback]) ?? null;
}
