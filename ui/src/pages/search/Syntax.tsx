/** What can be written into the search line, by examples; whole ones are added by a click. */

import { CircleHelp } from "lucide-react";
import { Popover } from "@/parts/Popover";
import styles from "./Syntax.module.css";

const EXAMPLES: readonly (readonly [written: string, meaning: string])[] = [
  ["error", "spans with an error"],
  ["-error", "a minus before a condition: spans without"],
  ["duration>1s", "longer than a second; also us, ms, m, h"],
  ["service=…", "of a service; * stands for anything"],
  ["kind=server", "also client, producer, consumer, internal"],
  ["peer=…", "calls to a database or another address"],
  ["http.response.status_code>=500", "any attribute, also of events; with = != > >= < <="],
  ["event=…", "an event by its name"],
  ["( … OR … )", "one of two conditions"],
];

export function Syntax({ onPick }: { onPick(written: string): void }) {
  return (
    <Popover label="Syntax" icon={<CircleHelp size={14} aria-hidden />} align="end">
      {(close) => (
        <div className={styles.panel}>
          <dl className={styles.list}>
            {EXAMPLES.map(([written, meaning]) => (
              <div key={written}>
                <dt>
                  {written.includes("…") ? (
                    written
                  ) : (
                    <button
                      type="button"
                      title="Add it to the line"
                      onClick={() => {
                        onPick(written);
                        close();
                      }}
                    >
                      {written}
                    </button>
                  )}
                </dt>
                <dd>{meaning}</dd>
              </div>
            ))}
          </dl>
          <p>
            A trace is found if one of its spans meets all conditions. Quote values with blanks:
            <code> operation=&quot;GET /cart&quot;</code>.
          </p>
        </div>
      )}
    </Popover>
  );
}
