/** Buttons, and links that look like them. */

import type { ComponentProps, ReactNode } from "react";
import { Link } from "wouter";
import styles from "./Button.module.css";

type Variant = "plain" | "primary" | "quiet";

interface Looks {
  readonly variant?: Variant;
  readonly icon?: ReactNode;
  /** For toggles: whether it is on. */
  readonly pressed?: boolean;
}

export function Button({
  variant = "plain",
  icon,
  pressed,
  children,
  className,
  ...rest
}: ComponentProps<"button"> & Looks) {
  return (
    <button
      type="button"
      className={`${styles.button} ${styles[variant]} ${className ?? ""}`}
      aria-pressed={pressed}
      {...rest}
    >
      {icon}
      {children}
    </button>
  );
}

/** A button that is an icon; the label is its name and its tooltip. */
export function IconButton({
  label,
  icon,
  variant = "quiet",
  pressed,
  className,
  ...rest
}: ComponentProps<"button"> & Looks & { readonly label: string }) {
  return (
    <button
      type="button"
      className={`${styles.button} ${styles[variant]} ${styles.icon} ${className ?? ""}`}
      aria-label={label}
      aria-pressed={pressed}
      title={label}
      {...rest}
    >
      {icon}
    </button>
  );
}

/** A link within the application that looks like a button. */
export function ButtonLink({
  href,
  variant = "plain",
  icon,
  children,
  ...rest
}: Omit<ComponentProps<"a">, "href"> & Looks & { readonly href: string }) {
  return (
    <Link href={href} className={`${styles.button} ${styles[variant]}`} {...rest}>
      {icon}
      {children}
    </Link>
  );
}
