/** A button that opens a panel beside it; Escape, or a click elsewhere, closes it. */

import { useEffect, useId, useRef, useState, type ReactNode } from "react";
import { Button } from "./Button";
import styles from "./Popover.module.css";

interface PopoverProps {
  readonly label: ReactNode;
  readonly icon?: ReactNode;
  /** The name of the button where its label is no text. */
  readonly name?: string;
  readonly align?: "start" | "end";
  readonly variant?: "plain" | "quiet";
  /** The panel; `close` closes it. */
  readonly children: (close: () => void) => ReactNode;
}

export function Popover({
  label,
  icon,
  name,
  align = "start",
  variant = "plain",
  children,
}: PopoverProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const panelId = useId();
  useEffect(() => {
    if (!open) return undefined;
    root.current?.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [open]);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div
      ref={root}
      className={styles.root}
      onKeyDown={(event) => {
        if (event.key === "Escape" && open) {
          event.stopPropagation();
          close();
        }
      }}
    >
      <Button
        ref={button}
        variant={variant}
        icon={icon}
        aria-label={name}
        title={name}
        aria-expanded={open}
        aria-controls={open ? panelId : undefined}
        onClick={() => setOpen(!open)}
      >
        {label}
      </Button>
      {open ? (
        <div id={panelId} className={`${styles.panel} ${styles[align]}`}>
          <Panel close={close}>{children}</Panel>
        </div>
      ) : null}
    </div>
  );
}

function Panel({ close, children }: Pick<PopoverProps, "children"> & { close(): void }) {
  return children(close);
}
