/** The lines searched for last. */

import { History } from "lucide-react";
import { useSettings } from "@/app/settings";
import { Button } from "@/parts/Button";
import { Popover } from "@/parts/Popover";
import styles from "./RecentSearches.module.css";

export function RecentSearches({ onPick }: { onPick(line: string): void }) {
  const { recentSearches, clearRecentSearches } = useSettings();
  return (
    <Popover label={<History size={15} aria-hidden />} name="Recent searches" align="end">
      {(close) =>
        recentSearches.length ? (
          <div className={styles.panel}>
            <ul className={styles.list}>
              {recentSearches.map((line, index) => (
                <li key={line}>
                  <Button
                    variant="quiet"
                    className={styles.line}
                    {...(index ? {} : { "data-autofocus": true })}
                    onClick={() => {
                      close();
                      onPick(line);
                    }}
                  >
                    <span>{line}</span>
                  </Button>
                </li>
              ))}
            </ul>
            <Button
              onClick={() => {
                clearRecentSearches();
                close();
              }}
            >
              Forget them
            </Button>
          </div>
        ) : (
          <p className={styles.none}>Lines you search for are listed here.</p>
        )
      }
    </Popover>
  );
}
