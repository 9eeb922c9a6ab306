/** What is wrong with the search line, and where in it. */

import { CircleAlert } from "lucide-react";
import { Button } from "@/parts/Button";
import styles from "./QueryLine.module.css";

/** The server says which character, counted from one: `query, character 11: …`. */
const PLACE = /^query, character (\d+): /;

export function LineProblem({
  id,
  line,
  problem,
  onGo,
}: {
  readonly id: string;
  readonly line: string;
  readonly problem: string;
  onGo(at: number): void;
}) {
  const place = PLACE.exec(problem);
  const at = place ? placeInText(line, Number(place[1]) - 1) : null;
  return (
    <div id={id} className={styles.problem} role="alert">
      <CircleAlert size={15} aria-hidden />
      <div className={styles.problemText}>
        <p>{place ? `Character ${place[1]}: ${problem.slice(place[0].length)}` : problem}</p>
        {at === null ? null : (
          <p className={styles.excerpt}>
            {line.slice(0, at)}
            <mark>{line.slice(at) || " "}</mark>
          </p>
        )}
      </div>
      {at === null ? null : (
        <Button variant="quiet" onClick={() => onGo(at)}>
          Show in query
        </Button>
      )}
    </div>
  );
}

/** The server counts characters, JavaScript UTF-16 units. */
function placeInText(line: string, characters: number): number {
  return Array.from(line).slice(0, characters).join("").length;
}
