/** Two traces beside each other, at `/trace/{a}...{b}`: what differs, and what took longer. */

import { ArrowLeftRight, ChevronsDownUp, ChevronsUpDown } from "lucide-react";
import { useDeferredValue, useMemo, useState } from "react";
import { useParams } from "wouter";
import { useApi } from "@/api/client";
import { useTrace } from "@/api/trace";
import { useShortcuts } from "@/app/shortcuts";
import { serviceColors } from "@/model/colors";
import { compareTraces, countChanges, type Change, type Difference } from "@/model/compare";
import { parseFind } from "@/model/find";
import { toggled } from "@/model/toggled";
import type { TraceData } from "@/model/traceData";
import { Button, IconButton } from "@/parts/Button";
import { TextField } from "@/parts/Field";
import { Empty, Loading, Notice } from "@/parts/States";
import { usePicks } from "@/pages/search/picks";
import { linkTo, useUrl } from "@/url/location";
import { readTraceId } from "@/url/traceId";
import { ChangeMark, CHANGES } from "./changes";
import { DifferenceTree } from "./DifferenceTree";
import { SideBox } from "./SideBox";
import { SlowerTable } from "./SlowerTable";
import { Verdict } from "./Verdict";
import styles from "./ComparePage.module.css";

export default function ComparePage() {
  const params = useParams<{ first?: string; second?: string }>();
  const [firstId, secondId] = [params.first, params.second].map(
    (id) => readTraceId(decodeURIComponent(id ?? ""))?.padStart(32, "0") ?? "",
  ) as [string, string];
  const { params: search, go } = useUrl();
  const first = useTrace(firstId);
  const second = useTrace(secondId);
  const { data: services } = useApi("/services", {});
  const colors = useMemo(() => {
    const names = [first.data, second.data].flatMap((trace) => trace?.serviceNames ?? []);
    return serviceColors(names, services);
  }, [first.data, second.data, services]);
  const cohort = search.getAll("cohort").map((id) => id.toLowerCase());
  const open = (a: string, b: string) => {
    // What is replaced stays within reach.
    const known = [...new Set([...cohort, firstId, secondId])].filter(Boolean);
    const others = new URLSearchParams(search);
    others.delete("cohort");
    go(linkTo(`/trace/${a}...${b}`, { ...Object.fromEntries(others), cohort: known }));
  };
  const swap = () => open(secondId, firstId);
  useShortcuts([{ keys: ["x"], description: "Swap the traces", group: "Compare", run: swap }]);
  const picks = usePicks((state) => state.picks);
  const candidates = [...new Set([...cohort, ...picks.map(({ traceId }) => traceId)])];
  const side = { colors, candidates };
  return (
    <div className={styles.page}>
      <h1 className="visually-hidden">Compare two traces</h1>
      <div className={styles.sides}>
        <SideBox
          {...side}
          letter="A"
          traceId={firstId}
          trace={first.data}
          error={first.error}
          otherId={secondId}
          onChoose={(id) => open(id, secondId)}
        />
        <IconButton
          label="Swap the traces (x)"
          icon={<ArrowLeftRight size={16} />}
          onClick={swap}
          variant="plain"
        />
        <SideBox
          {...side}
          letter="B"
          traceId={secondId}
          trace={second.data}
          error={second.error}
          otherId={firstId}
          onChoose={(id) => open(firstId, id)}
        />
      </div>
      {first.data && second.data ? (
        <Comparison key={`${firstId} ${secondId}`} a={first.data} b={second.data} colors={colors} />
      ) : first.isFetching || second.isFetching ? (
        <Loading label="Loading the traces" />
      ) : (
        <Empty title={firstId || secondId ? "One trace is missing" : "No traces chosen"}>
          Choose a trace for A and for B: paste ids here, or pick two traces in a search.
        </Empty>
      )}
    </div>
  );
}

interface ComparisonProps {
  readonly a: TraceData;
  readonly b: TraceData;
  readonly colors: ReturnType<typeof serviceColors>;
}

function Comparison({ a, b, colors }: ComparisonProps) {
  const { params, change } = useUrl();
  const differences = useMemo(() => compareTraces(a, b), [a, b]);
  const counts = useMemo(() => countChanges(differences), [differences]);
  const [kinds, setKinds] = useState<ReadonlySet<Change>>(() => new Set(CHANGES));
  const [collapsed, setCollapsed] = useState<ReadonlySet<number>>(new Set());
  const find = params.get("uiFind") ?? "";
  const isWanted = useWanted(kinds, useDeferredValue(find));
  const shown = useMemo(() => differences.filter(isWanted).length, [differences, isWanted]);
  const asTree = params.get("v") !== "slower";
  const traces = useMemo(() => [a, b] as const, [a, b]);
  const table = { traces, differences, colors, isWanted };
  const cut = [a, b].some(({ count, total }) => count < total);
  return (
    <>
      <Verdict a={a} b={b} differences={differences} />
      {cut ? (
        <Notice>
          One of the traces is too large to be here whole: what is left out is not compared.
        </Notice>
      ) : null}
      <div className={styles.tools}>
        <div className={styles.group} role="group" aria-label="View">
          <Button pressed={asTree} onClick={() => change({ v: null })}>
            Structure
          </Button>
          <Button pressed={!asTree} onClick={() => change({ v: "slower" })}>
            What got slower
          </Button>
        </div>
        <KindFilter counts={counts} kinds={kinds} onChange={setKinds} />
        <TextField
          label="Find paths"
          hideLabel
          type="search"
          placeholder="Find a service or operation"
          value={find}
          onChange={(event) => change({ uiFind: event.currentTarget.value }, { replace: true })}
        />
        <span className={styles.count} role="status">
          {shown.toLocaleString("en-US")} of {differences.length.toLocaleString("en-US")} paths
        </span>
        {asTree ? <CollapseButtons differences={differences} onCollapse={setCollapsed} /> : null}
      </div>
      {asTree ? (
        <DifferenceTree {...table} collapsed={collapsed} onCollapse={setCollapsed} />
      ) : (
        <SlowerTable {...table} />
      )}
    </>
  );
}

/** Whether a path is of the kinds shown and matches what is looked for. */
function useWanted(kinds: ReadonlySet<Change>, find: string) {
  return useMemo(() => {
    const { words } = parseFind(find);
    return ({ change, node }: Difference) => {
      if (!kinds.has(change)) return false;
      if (!words.length) return true;
      const name = `${node.service} ${node.name}`.toLowerCase();
      return words.some((word) => name.includes(word));
    };
  }, [kinds, find]);
}

function KindFilter({
  counts,
  kinds,
  onChange,
}: {
  readonly counts: Readonly<Record<Change, number>>;
  readonly kinds: ReadonlySet<Change>;
  onChange(kinds: ReadonlySet<Change>): void;
}) {
  return (
    <div className={`${styles.group} ${styles.kinds}`} role="group" aria-label="Paths shown">
      {CHANGES.map((change) => (
        <Button
          key={change}
          pressed={kinds.has(change)}
          title={change === "same" ? "As many spans and errors, and about as long" : undefined}
          onClick={() => onChange(toggled(kinds, change))}
        >
          <ChangeMark change={change} count={counts[change]} />
        </Button>
      ))}
    </div>
  );
}

function CollapseButtons({
  differences,
  onCollapse,
}: {
  readonly differences: readonly Difference[];
  onCollapse(collapsed: ReadonlySet<number>): void;
}) {
  const collapseAll = () =>
    onCollapse(
      new Set([...differences.keys()].filter((at) => differences[at]!.node.next > at + 1)),
    );
  const expandAll = () => onCollapse(new Set());
  useShortcuts([
    { keys: ["]"], description: "Expand all", group: "Compare", run: expandAll },
    { keys: ["["], description: "Collapse all", group: "Compare", run: collapseAll },
  ]);
  return (
    <div className={styles.levels}>
      <IconButton label="Expand all (])" icon={<ChevronsUpDown size={16} />} onClick={expandAll} />
      <IconButton
        label="Collapse all ([)"
        icon={<ChevronsDownUp size={16} />}
        onClick={collapseAll}
      />
    </div>
  );
}
