/** All shortcuts that work on the page that is shown. */

import { CheckBox } from "@/parts/Field";
import { Dialog } from "@/parts/Dialog";
import { useSettings } from "./settings";
import { useShortcutRegistry, type Shortcut } from "./shortcuts";
import styles from "./HelpSheet.module.css";

export function HelpSheet({ onClose }: { onClose(): void }) {
  const sets = useShortcutRegistry((registry) => registry.sets);
  const { letterShortcuts, setLetterShortcuts } = useSettings();
  const groups = new Map<string, Shortcut[]>();
  for (const shortcut of sets.flat()) {
    groups.set(shortcut.group, [...(groups.get(shortcut.group) ?? []), shortcut]);
  }
  return (
    <Dialog title="Keyboard shortcuts" wide onClose={onClose}>
      <div className={styles.groups}>
        {[...groups].map(([group, shortcuts]) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl className={styles.list}>
              {shortcuts.map(({ keys, description }) => (
                <div key={description} className={styles.entry}>
                  <dt>
                    {keys.map((key) => (
                      <kbd key={key}>{key.replace("Arrow", "").replace("+", " + ")}</kbd>
                    ))}
                  </dt>
                  <dd>{description}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <CheckBox
        label="Enable single-key shortcuts"
        checked={letterShortcuts}
        onChange={(event) => setLetterShortcuts(event.currentTarget.checked)}
      />
    </Dialog>
  );
}
