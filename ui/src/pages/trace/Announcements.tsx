/** Says aloud, for screen readers, what happened after a key; also shown for a moment. */

import { useEffect } from "react";
import { create } from "zustand";
import styles from "./Announcements.module.css";

interface Announcement {
  readonly text: string;
  readonly time: number;
  readonly shown: boolean;
}

const NOTHING: Announcement = { text: "", time: 0, shown: false };
const useAnnouncement = create<Announcement>()(() => NOTHING);

const SHOWN_MILLISECONDS = 2500;

/** Says it; where the page shows it anyway, only to screen readers. */
export function announce(text: string, shown = true): void {
  useAnnouncement.setState({ text, time: performance.now(), shown });
}

export function Announcements() {
  const { text, time, shown } = useAnnouncement();
  useEffect(() => {
    const timer = setTimeout(() => useAnnouncement.setState(NOTHING), SHOWN_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [time]);
  return (
    <div role="status" className={text && shown ? styles.said : "visually-hidden"}>
      {text}
    </div>
  );
}
