import "@fontsource-variable/inter";
import "./app/theme.css";
import "./app/global.css";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { followTheme } from "./app/settings";
import { loadPage, loadPagesAhead } from "./app/pages";
import { listenForShortcuts } from "./app/shortcuts";

followTheme();
listenForShortcuts();
await loadPage(globalThis.location.pathname);
createRoot(document.getElementById("root")!).render(<App />);
loadPagesAhead();
