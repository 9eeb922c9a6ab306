/** The frame around every page: navigation, the box for trace ids, zone, theme, help. */

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { Redirect, Route, Router, Switch } from "wouter";
import { ApiError } from "@/api/client";
import { Empty, Loading } from "@/parts/States";
import { embed } from "@/url/embed";
import { basePath, linkTo, useUrl } from "@/url/location";
import { ErrorBoundary } from "./ErrorBoundary";
import { Header } from "./Header";
import { ROUTES, useLastRange } from "./pages";
import { useShortcuts } from "./shortcuts";
import styles from "./App.module.css";

const FilesDialog = lazy(() =>
  import("./FilesDialog").then(({ FilesDialog }) => ({ default: FilesDialog })),
);
const HelpSheet = lazy(() =>
  import("./HelpSheet").then(({ HelpSheet }) => ({ default: HelpSheet })),
);
const Palette = lazy(() => import("./Palette").then(({ Palette }) => ({ default: Palette })));

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      // What the request got wrong stays wrong; a store that is busy may answer a moment later.
      retry: (failures, error) =>
        failures < 2 && error instanceof ApiError && (error.status === 503 || error.status === 0),
      retryDelay: 700,
    },
  },
});

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <Router base={basePath}>
        <Frame />
      </Router>
    </QueryClientProvider>
  );
}

type Overlay = "help" | "palette" | "files" | null;

function Frame() {
  const [overlay, setOverlay] = useState<Overlay>(null);
  const { path } = useUrl();
  const range = useLastRange();
  useShortcuts([
    { keys: ["?"], description: "This sheet", group: "Everywhere", run: () => setOverlay("help") },
    {
      keys: ["Ctrl+k"],
      description: "Go to a page, service or trace",
      group: "Everywhere",
      run: () => setOverlay("palette"),
    },
  ]);
  return (
    <div className={styles.frame}>
      <a className={styles.skip} href="#main">
        Skip to the content
      </a>
      {embed.embedded ? null : (
        <Header
          range={range}
          onHelp={() => setOverlay("help")}
          onPalette={() => setOverlay("palette")}
          onFiles={() => setOverlay("files")}
        />
      )}
      <main id="main" className={styles.main} tabIndex={-1}>
        <ErrorBoundary key={path}>
          <Suspense fallback={<Loading label="Loading the page" />}>
            <Pages />
          </Suspense>
        </ErrorBoundary>
      </main>
      <Suspense>
        {overlay === "help" ? <HelpSheet onClose={() => setOverlay(null)} /> : null}
        {overlay === "files" ? <FilesDialog onClose={() => setOverlay(null)} /> : null}
        {overlay === "palette" ? (
          <Palette
            range={range}
            onClose={() => setOverlay(null)}
            onFiles={() => setOverlay("files")}
          />
        ) : null}
      </Suspense>
    </div>
  );
}

function Pages() {
  const { params } = useUrl();
  return (
    <Switch>
      {ROUTES.map(([pattern, Page]) => (
        <Route key={pattern.source} path={pattern}>
          <Page />
        </Route>
      ))}
      <Route path="/">
        <Redirect to={`/search${globalThis.location.search}`} replace />
      </Route>
      {/* Pages of Jaeger that are parts of others here. */}
      <Route path="/monitor">
        <Redirect to={linkTo("/services", { service: params.get("service") })} replace />
      </Route>
      <Route path="/deep-dependencies">
        <Redirect to={linkTo("/dependencies", { service: params.get("service") })} replace />
      </Route>
      <Route path="/quality-metrics">
        <Redirect to={linkTo("/services", { service: params.get("service") })} replace />
      </Route>
      <Route>
        <Empty title="There is no such page">
          The address has no page of this application.{" "}
          <a href={`${basePath}/search`}>Search for traces</a>
        </Empty>
      </Route>
    </Switch>
  );
}
