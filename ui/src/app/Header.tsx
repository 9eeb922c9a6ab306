/** The bar on top: where one can go, and what holds for all pages. */

import { CircleHelp, Command, FileUp, Moon, Sun, SunMoon, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { useApi } from "@/api/client";
import { IconButton } from "@/parts/Button";
import { linkTo, useUrl, type Changes } from "@/url/location";
import { readTraceId } from "@/url/traceId";
import { PAGES } from "./pages";
import { useSettings, type Theme } from "./settings";
import styles from "./Header.module.css";

const PROBLEMS_EVERY_MILLISECONDS = 10_000;

interface HeaderProps {
  /** What its links carry on to pages about a stretch of time. */
  readonly range: Changes;
  onHelp(): void;
  onPalette(): void;
  onFiles(): void;
}

export function Header({ range, onHelp, onPalette, onFiles }: HeaderProps) {
  return (
    <header className={styles.header}>
      <Link href={linkTo("/search")} className={styles.brand} aria-label="Ananta Tracing, search">
        <Logo />
        <span className={styles.name}>Ananta</span>
      </Link>
      <Navigation range={range} />
      <TraceIdBox />
      <div className={styles.tools}>
        <ZoneChoice />
        <ThemeButton />
        <IconButton
          className={styles.files}
          label="Open files of traces"
          icon={<FileUp size={16} />}
          onClick={onFiles}
        />
        <IconButton label="Go to… (Ctrl+K)" icon={<Command size={16} />} onClick={onPalette} />
        <IconButton
          label="Keyboard shortcuts (?)"
          icon={<CircleHelp size={16} />}
          onClick={onHelp}
        />
      </div>
    </header>
  );
}

function Navigation({ range }: Pick<HeaderProps, "range">) {
  const { path } = useUrl();
  const pipeline = useApi("/pipeline", {}, { every: PROBLEMS_EVERY_MILLISECONDS });
  const problems = pipeline.data?.problems.length ?? 0;
  return (
    <nav className={styles.navigation} aria-label="Pages">
      {PAGES.map(({ path: target, title, icon: Icon, hasRange }) => (
        <Link
          key={target}
          href={linkTo(target, hasRange ? range : {})}
          className={styles.page}
          aria-current={path.startsWith(target) ? "page" : undefined}
        >
          <Icon size={15} aria-hidden />
          <span>{title}</span>
          {target === "/pipeline" && problems > 0 ? (
            <span className={styles.badge} title={pipeline.data?.problems[0]}>
              <TriangleAlert size={12} aria-hidden />
              <span className="visually-hidden">problems: </span>
              {problems}
            </span>
          ) : null}
        </Link>
      ))}
    </nav>
  );
}

function TraceIdBox() {
  const { go } = useUrl();
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  return (
    <form
      className={styles.lookup}
      role="search"
      aria-label="Trace by its id"
      onSubmit={(event) => {
        event.preventDefault();
        const traceId = readTraceId(text);
        setWrong(!traceId);
        if (!traceId) return;
        setText("");
        go(linkTo(`/trace/${traceId}`));
      }}
    >
      <input
        aria-label="Open a trace by its id"
        placeholder="Trace id"
        value={text}
        aria-invalid={wrong || undefined}
        title={wrong ? "A trace id has 8 to 32 digits 0–9 and a–f" : undefined}
        spellCheck={false}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setWrong(false);
        }}
      />
    </form>
  );
}

function ZoneChoice() {
  const { zone, setZone } = useSettings();
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <select
      className={styles.zone}
      aria-label="Time zone"
      title="Time zone of all times"
      value={zone}
      onChange={(event) => setZone(event.currentTarget.value)}
    >
      <option value="local">Local ({own})</option>
      <option value="utc">UTC</option>
      {Intl.supportedValuesOf("timeZone").map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}

const NEXT_THEME: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const THEME_ICONS = { system: SunMoon, light: Sun, dark: Moon };

function ThemeButton() {
  const { theme, setTheme } = useSettings();
  const Icon = THEME_ICONS[theme];
  return (
    <IconButton
      label={`Theme: ${theme}`}
      icon={<Icon size={16} />}
      onClick={() => setTheme(NEXT_THEME[theme])}
    />
  );
}

function Logo() {
  return (
    <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="7" fill="var(--accent)" />
      <path d="M6 9h15v3.6H6zM11 14.2h11v3.6H11zM16 19.4h10V23H16z" fill="var(--on-accent)" />
    </svg>
  );
}
