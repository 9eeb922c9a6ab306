"""Spans in tests: record what the code under test makes, draw it, and assert about it.

With pytest, take the fixture `spans`; anywhere else, the context manager `record_spans`:

>>> from ananta_tracing.spans import create_span
>>> with record_spans() as spans:
...     with create_span("process_bom"), create_span("load_bom", {"bom.id": 7}):
...         pass
>>> print(spans.tree())
process_bom
└─ load_bom
>>> spans.assert_span("load_bom", parent="process_bom", attributes={"bom.id": 7}).name
'load_bom'
>>> spans.assert_no_orphans()
"""

from __future__ import annotations

import difflib
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry import trace as trace_api
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.util._once import Once

from ananta_tracing import libraries, logs, setup
from ananta_tracing.attributes import coerce
from ananta_tracing.spans import Kind, read_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

SECRETS: Mapping[str, str] = {
    "a bearer token": r"(?i)\bbearer\s+[\w.~+/=-]{8,}",
    "basic credentials": r"(?i)\bbasic\s+[\w+/]{8,}=*",
    "a JSON web token": r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",
    "an AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a password in a URL": r"://[^/\s:@]+:(?!\[?REDACTED)[^/\s@]+@",
    "a secret parameter": (
        r"(?i)\b(?:password|passwd|pwd|secret|token|api[_-]?key|signature|sig)"
        r"=(?!\[?REDACTED)[^&\s;]{3,}"
    ),
}
"""What `assert_no_secrets` looks for: what it is -> regular expression."""

_DRAWN = " │├└─"
_DETAIL = "  "
_EXPORTER_VARIABLE = "OTEL_TRACES_EXPORTER"
_NOTHING = "no span was recorded, so there is nothing to check"


class RecordedSpans:
    """The spans of one test, finished ones in the order they were started."""

    def __init__(self) -> None:
        self._started: list[Span] = []

    @property
    def finished(self) -> list[ReadableSpan]:
        """The spans that have ended."""
        return [span for span in self._in_order() if span.end_time is not None]

    @property
    def unfinished(self) -> list[ReadableSpan]:
        """The spans that were started and have not ended."""
        return [span for span in self._in_order() if span.end_time is None]

    @property
    def names(self) -> list[str]:
        """The names of the finished spans."""
        return [span.name for span in self.finished]

    def clear(self) -> None:
        """Forget all of them."""
        self._started.clear()

    def find(self, name: str) -> list[ReadableSpan]:
        """The finished spans of this name."""
        return [span for span in self.finished if span.name == name]

    def parent_of(self, span: ReadableSpan) -> ReadableSpan | None:
        """The recorded parent; None for a root and where the parent was not recorded."""
        if span.parent is None:
            return None
        wanted = span.parent.span_id
        return next((each for each in self._started if each.context.span_id == wanted), None)

    def tree(self, *, attributes: bool = False, durations: bool = False) -> str:
        """All spans drawn as trees, one span a line, siblings in the order they were started.

        Args:
            attributes: also show them, one a line.
            durations: also show how long each took, in milliseconds.
        """
        lines: list[str] = []
        for span in self._in_order():
            if self.parent_of(span) is None:
                self._draw(span, "", "", lines, attributes=attributes, durations=durations)
        return "\n".join(lines) or "(no spans)"

    def assert_span(
        self,
        name: str,
        parent: str | ReadableSpan | None = None,
        attributes: Mapping[str, Any] | None = None,
        *,
        kind: Kind = None,
        status: str | StatusCode | None = None,
    ) -> ReadableSpan:
        """The first finished span of this name that has all of this; fails with the tree if none.

        Args:
            name: its name.
            parent: its parent or the name of it.
            attributes: what it carries, perhaps beside others.
            kind: its kind.
            status: `"OK"`, `"ERROR"` or `"UNSET"`.
        """
        candidates = self.find(name)
        if not candidates:
            close = difflib.get_close_matches(name, self.names, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            failure = f"no finished span is called {name!r}{hint}"
            raise self._failure(failure)
        complaints = []
        for span in candidates:
            complaint = self._complain(span, parent, attributes, kind, status)
            if complaint is None:
                return span
            complaints.append(complaint)
        raise self._failure("\n".join(f"span {name!r}: {complaint}" for complaint in complaints))

    def assert_trace(self, expected: str) -> None:
        """Fail unless the spans are exactly this tree.

        Args:
            expected: a span a line by its name, children indented below their parent; the output
                of `tree()` will do, and what follows a name after two blanks is left aside.
        """
        wanted = _read_tree(expected)
        found = _read_tree(self.tree()) if self._started else []
        if wanted != found:
            diff = "\n".join(
                difflib.unified_diff(
                    _indent(wanted), _indent(found), "expected", "recorded", lineterm="", n=99
                )
            )
            failure = f"the trace is another one\n{diff}"
            raise self._failure(failure)

    def assert_no_orphans(self) -> None:
        """Fail if a span has not ended, or if its parent in this process is missing."""
        if not self._started:
            raise self._failure(_NOTHING)
        complaints = [f"{span.name!r} has not ended" for span in self.unfinished]
        for span in self._in_order():
            parent = span.parent
            if parent is not None and not parent.is_remote and self.parent_of(span) is None:
                complaints.append(
                    f"{span.name!r} has the parent {trace_api.format_span_id(parent.span_id)},"
                    " which was not recorded"
                )
        if complaints:
            raise self._failure("\n".join(complaints))

    def assert_no_secrets(self, *secrets: str) -> None:
        """Fail if a name, attribute, event or status holds one of these texts or a usual secret.

        Args:
            secrets: texts that must not appear, beside what `SECRETS` looks for.
        """
        if not self._started:
            raise self._failure(_NOTHING)
        complaints = [
            f"{span.name!r}: {place} holds {what}"
            for span in self._in_order()
            for place, text in _texts(span)
            for what in _secrets_in(text, secrets)
        ]
        if complaints:
            raise self._failure("\n".join(complaints))

    def _in_order(self) -> list[Span]:
        return sorted(self._started, key=lambda span: span.start_time or 0)

    def _draw(
        self,
        span: ReadableSpan,
        prefix: str,
        below: str,
        lines: list[str],
        *,
        attributes: bool,
        durations: bool,
    ) -> None:
        lines.append(prefix + self._line(span, durations=durations))
        children = [each for each in self._in_order() if self.parent_of(each) is span]
        if attributes:
            bar = "│  " if children else "   "
            for key, value in (span.attributes or {}).items():
                lines.append(f"{below}{bar}{_DETAIL}{key} = {value!r}")
        for child in children:
            is_last = child is children[-1]
            self._draw(
                child,
                below + ("└─ " if is_last else "├─ "),
                below + ("   " if is_last else "│  "),
                lines,
                attributes=attributes,
                durations=durations,
            )

    def _line(self, span: ReadableSpan, *, durations: bool) -> str:
        parts = [span.name]
        if span.kind is not SpanKind.INTERNAL:
            parts.append(span.kind.name)
        if span.end_time is None:
            parts.append("NOT ENDED")
        elif durations:
            parts.append(f"{(span.end_time - (span.start_time or 0)) / 1e6:.1f} ms")
        if span.status.status_code is StatusCode.ERROR:
            parts.append(f"ERROR {span.status.description or ''}".strip())
        parent = span.parent
        if parent is not None and self.parent_of(span) is None:
            where = "in another process" if parent.is_remote else "NOT RECORDED"
            parts.append(f"parent {trace_api.format_span_id(parent.span_id)} {where}")
        return _DETAIL.join(parts)

    def _complain(
        self,
        span: ReadableSpan,
        parent: str | ReadableSpan | None,
        attributes: Mapping[str, Any] | None,
        kind: Kind,
        status: str | StatusCode | None,
    ) -> str | None:
        """What is missing from a span, None where nothing is."""
        if parent is not None:
            found = self.parent_of(span)
            wanted = parent if isinstance(parent, str) else parent.name
            is_it = found is parent or (found is not None and found.name == parent)
            if not is_it:
                return f"its parent is {found.name if found else 'none'}, not {wanted}"
        recorded = dict(span.attributes or {})
        for key, value in coerce(attributes).items():
            value = tuple(value) if isinstance(value, list) else value
            if key not in recorded:
                return f"it has no attribute {key!r}"
            if recorded[key] != value:
                return f"{key} is {recorded[key]!r}, not {value!r}"
        if kind is not None and span.kind is not read_kind(kind):
            return f"its kind is {span.kind.name}, not {read_kind(kind).name}"
        code = span.status.status_code
        if status is not None and status not in (code, code.name):
            return f"its status is {code.name}, not {status}"
        return None

    def _failure(self, complaint: str) -> AssertionError:
        return AssertionError(f"{complaint}\n\nrecorded:\n{self.tree(attributes=True)}")


class _Recorder(SpanProcessor):
    """Hands the spans of the provider to whoever records at the moment."""

    def __init__(self) -> None:
        self.recorded: RecordedSpans | None = None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002
        recorded = self.recorded
        if recorded is not None:
            recorded._started.append(span)


class _Recording:
    """The one provider that records. Tracers keep the provider they first met, so it stays one."""

    def __init__(self) -> None:
        self.recorder = _Recorder()
        self.provider = TracerProvider(
            # A client that does not sample still gets its spans; what is excluded here does not.
            ParentBased(ALWAYS_ON, remote_parent_not_sampled=ALWAYS_ON),
            Resource({"service.name": "tests"}),
            shutdown_on_exit=False,
        )
        self.provider.add_span_processor(self.recorder)


_recording: _Recording | None = None


@contextmanager
def record_spans() -> Iterator[RecordedSpans]:
    """A block whose spans are recorded in memory, every one of them; nothing is exported.

    For the time of the block the recording provider is the global one, and `init_tracing` called
    inside exports nothing unless `OTEL_TRACES_EXPORTER` says where to.
    """
    global _recording
    if _recording is None:
        _recording = _Recording()
    recorded = RecordedSpans()
    previous_recorded, _recording.recorder.recorded = _recording.recorder.recorded, recorded
    previous = _swap_provider(_recording.provider)
    exports = _EXPORTER_VARIABLE in os.environ
    os.environ.setdefault(_EXPORTER_VARIABLE, "none")
    try:
        yield recorded
    finally:
        if not exports:
            os.environ.pop(_EXPORTER_VARIABLE, None)
        _swap_provider(previous)
        _recording.recorder.recorded = previous_recorded


def reset_tracing(timeout_seconds: float = 0.0) -> None:
    """Undo `init_tracing`, so that a test may call it again with other settings.

    The provider is shut down and forgotten, libraries and log records are as before. A tracer that
    somebody holds goes on making spans of the provider it came from.

    Args:
        timeout_seconds: how long spans that wait may take to be delivered.
    """
    setup.shutdown_tracing(timeout_seconds)
    setup._state = None
    libraries.uninstrument_libraries()
    logs.uncorrelate()
    _swap_provider(None)
    trace_api._TRACER_PROVIDER_SET_ONCE = Once()


def _swap_provider(provider: Any) -> Any:
    """Make this the global provider; the API lets that happen but once."""
    previous = trace_api._TRACER_PROVIDER
    trace_api._TRACER_PROVIDER = provider
    return previous


def _read_tree(text: str) -> list[tuple[int, str]]:
    """The (depth, name) of each line."""
    depths: list[int] = []
    lines: list[tuple[int, str]] = []
    for line in text.splitlines():
        bare = line.lstrip(_DRAWN)
        if not bare.strip():
            continue
        width = len(line) - len(bare)
        while depths and depths[-1] >= width:
            depths.pop()
        lines.append((len(depths), bare.split(_DETAIL)[0].rstrip()))
        depths.append(width)
    return lines


def _indent(tree: Iterable[tuple[int, str]]) -> list[str]:
    return ["  " * depth + name for depth, name in tree]


def _texts(span: ReadableSpan) -> Iterator[tuple[str, str]]:
    """Every place of a span that holds text, with the text."""
    yield "the name", span.name
    yield "the status", span.status.description or ""
    for key, value in (span.attributes or {}).items():
        yield f"attribute {key}", str(value)
    for event in span.events:
        yield "the name of an event", event.name
        for key, value in (event.attributes or {}).items():
            yield f"event {event.name}, attribute {key}", str(value)
    for link in span.links:
        for key, value in (link.attributes or {}).items():
            yield f"a link, attribute {key}", str(value)


def _secrets_in(text: str, secrets: Iterable[str]) -> Iterator[str]:
    for secret in secrets:
        if secret in text:
            yield f"the secret {secret[:2]}…"
    for what, pattern in SECRETS.items():
        if re.search(pattern, text):
            yield what
