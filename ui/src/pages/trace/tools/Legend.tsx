/** The services of a trace: their colours, how many spans each has; a click hides or shows one. */

import { useMemo } from "react";
import { Eye, EyeOff } from "lucide-react";
import type { ServiceColor } from "@/model/colors";
import { formatCount } from "@/model/format";
import { at } from "@/model/trace";
import { Button } from "@/parts/Button";
import { ServiceMark } from "@/parts/ServiceMark";
import { toggleService, useTraceView, useView } from "../store";
import styles from "./Legend.module.css";

export function Legend({ colors }: { readonly colors: ReadonlyMap<string, ServiceColor> }) {
  const view = useTraceView();
  const { trace, store } = view;
  const hidden = useView(({ hiddenServices }) => hiddenServices);
  const spans = useMemo(() => {
    const counts = new Uint32Array(trace.serviceNames.length);
    for (let row = 0; row < trace.count; row++) counts[at(trace.service, row)]!++;
    return counts;
  }, [trace]);
  const order = useMemo(
    () => [...trace.serviceNames.keys()].sort((one, other) => at(spans, other) - at(spans, one)),
    [trace, spans],
  );
  return (
    <div className={styles.legend} role="group" aria-label="Services">
      {order.map((service) => {
        const name = trace.serviceNames[service]!;
        const isShown = !hidden.has(service);
        return (
          <button
            key={name}
            type="button"
            className={styles.service}
            aria-pressed={isShown}
            title={`${isShown ? "Hide" : "Show"} the spans of ${name}`}
            onClick={() => toggleService(view, service)}
          >
            {isShown ? <ServiceMark color={colors.get(name)!} /> : <EyeOff size={13} aria-hidden />}
            {name}
            <span className={styles.spans}>{formatCount(at(spans, service))}</span>
          </button>
        );
      })}
      {hidden.size ? (
        <Button
          variant="quiet"
          className={styles.all ?? ""}
          icon={<Eye size={13} />}
          onClick={() => store.setState({ hiddenServices: new Set() })}
        >
          Show all
        </Button>
      ) : null}
    </div>
  );
}
