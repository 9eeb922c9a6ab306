"""The traces as the platform stores them: waiting for them, and looking at them as trees."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from stack.process import ExampleError
from stack.story import ask

POLL_SECONDS = 0.1


@dataclass
class Span:
    """A span with its children, those that started first coming first."""

    span_id: str
    parent_id: str | None
    service: str
    name: str
    kind: str
    start_micros: int
    duration_micros: int
    attributes: dict[str, Any]
    resource: dict[str, Any]
    events: list[dict[str, Any]]
    children: list[Span] = field(default_factory=list)

    @property
    def is_error(self) -> bool:
        """Has it the status ERROR?"""
        return self.attributes.get("otel.status_code") == "ERROR"

    def event_names(self) -> list[str]:
        """The names of its events, in their order."""
        return [str(event.get("event", "")) for event in self.events]

    def drawn(self, indent: str = "") -> str:
        """The tree below it as text, a line a span."""
        mark = " ERROR" if self.is_error else ""
        line = f"{indent}{self.service}: {self.name} [{self.kind}]{mark}"
        return "\n".join([line, *(child.drawn(indent + "  ") for child in self.children)])


@dataclass(frozen=True)
class Trace:
    """The spans of one trace, and its roots: spans without a parent in it."""

    trace_id: str
    spans: list[Span]
    roots: list[Span]

    @property
    def services(self) -> set[str]:
        """Which services took part."""
        return {span.service for span in self.spans}

    @property
    def duration_millis(self) -> float:
        """From the first start to the last end."""
        start = min(span.start_micros for span in self.spans)
        return (max(s.start_micros + s.duration_micros for s in self.spans) - start) / 1000

    def find(self, service: str, name: str) -> list[Span]:
        """The spans of a service with this name."""
        return [span for span in self.spans if (span.service, span.name) == (service, name)]

    def drawn(self) -> str:
        """The trace as text."""
        return "\n".join(root.drawn() for root in self.roots)


def fetch_trace(platform_url: str, trace_id: str) -> Trace | None:
    """A trace as it is stored now; None when there is nothing of it."""
    answer = ask("GET", f"{platform_url}/api/traces/{trace_id}")
    if answer.status != 200 or not answer.body.get("data"):
        return None
    return _read(answer.body["data"][0])


def wait_for_trace(
    platform_url: str, trace_id: str, quiet_seconds: float = 2.0, timeout_seconds: float = 30.0
) -> Trace:
    """A trace once it is whole: no span's parent is missing, and nothing more arrived for a while.

    `quiet_seconds` is the while: several times what the services hold spans back.
    Raises ExampleError when nothing of it arrives in time.
    """
    deadline = time.monotonic() + timeout_seconds
    seen, since = 0, time.monotonic()
    while time.monotonic() < deadline:
        trace = fetch_trace(platform_url, trace_id)
        if trace is not None:
            if len(trace.spans) != seen:
                seen, since = len(trace.spans), time.monotonic()
            elif len(trace.roots) == 1 and time.monotonic() - since > quiet_seconds:
                return trace
        time.sleep(POLL_SECONDS)
    trace = fetch_trace(platform_url, trace_id)
    if trace is None:
        raise ExampleError(f"the trace {trace_id} did not arrive within {timeout_seconds:.0f} s")
    return trace


def _read(stored: dict[str, Any]) -> Trace:
    spans = [_span(span, stored["processes"][span["processID"]]) for span in stored["spans"]]
    spans.sort(key=lambda span: span.start_micros)
    known = {span.span_id: span for span in spans}
    roots = []
    for span in spans:
        parent = known.get(span.parent_id or "")
        if parent is None:
            roots.append(span)
        else:
            parent.children.append(span)
    return Trace(stored["traceID"], spans, roots)


def _span(span: dict[str, Any], process: dict[str, Any]) -> Span:
    attributes = _values(span["tags"])
    parents = [one["spanID"] for one in span["references"] if one["refType"] == "CHILD_OF"]
    return Span(
        span_id=span["spanID"],
        parent_id=parents[0] if parents else None,
        service=process["serviceName"],
        name=span["operationName"],
        kind=str(attributes.get("span.kind", "internal")),
        start_micros=span["startTime"],
        duration_micros=span["duration"],
        attributes=attributes,
        resource=_values(process["tags"]),
        events=[_values(log["fields"]) for log in span["logs"]],
    )


def _values(tags: list[dict[str, Any]]) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in tags}
