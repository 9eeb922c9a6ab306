/**
 * What the process receives, refuses, drops and stores, and why; its configuration; and what to do
 * when nothing arrives. Asked anew every two seconds while the page is looked at.
 */

import { useApi } from "@/api/client";
import { keyOf, type Pipeline } from "@/model/pipeline";
import { Failure, Loading, Notice } from "@/parts/States";
import { useUrl } from "@/url/location";
import { ComponentPanel } from "./ComponentPanel";
import { Configuration } from "./Configuration";
import { Extensions } from "./Extensions";
import { Flow } from "./Flow";
import { useHistory } from "./history";
import { NothingArrives } from "./NothingArrives";
import { Summary } from "./Summary";
import { TestSpanButton, TestSpanSteps, useTestSpan } from "@/parts/TestSpan";
import styles from "./PipelinePage.module.css";

const EVERY_MILLISECONDS = 2000;

export default function PipelinePage() {
  const { data, error, refetch } = useApi("/pipeline", {}, { every: EVERY_MILLISECONDS });
  if (data) return <Page pipeline={data} error={error} />;
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  return <Loading label="Loading the state of the pipeline" />;
}

function Page({ pipeline, error }: { readonly pipeline: Pipeline; readonly error: Error | null }) {
  const { params, change } = useUrl();
  const history = useHistory(pipeline);
  const { trial, running, send } = useTestSpan();
  const { components } = pipeline;
  const shown = components.find((component) => keyOf(component) === params.get("component"));
  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <h1>Pipeline</h1>
        <span className={styles.tools}>
          <TestSpanButton running={running} send={send} />
        </span>
      </header>
      {error ? (
        <Notice tone="error">{error.message} What is shown is the last answer.</Notice>
      ) : null}
      {trial ? <TestSpanSteps trial={trial} /> : null}
      <Summary pipeline={pipeline} history={history} />
      <Flow pipeline={pipeline} history={history} />
      <NothingArrives components={components} />
      <Extensions extensions={components.filter(({ kind }) => kind === "extensions")} />
      <Configuration config={pipeline.config} />
      {shown ? (
        <ComponentPanel
          key={keyOf(shown)}
          component={shown}
          pipeline={pipeline}
          history={history}
          onClose={() => change({ component: null }, { replace: true })}
        />
      ) : null}
    </div>
  );
}
