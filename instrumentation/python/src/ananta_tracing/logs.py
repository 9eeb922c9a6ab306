"""Log records that tell to which trace they belong: `trace_id` and `span_id` in each.

For the logging module this is done by `init_tracing`; write `%(trace_id)s` into a format, or let a
JSON formatter take the fields along. For structlog, `add_trace_ids` is a processor:

>>> from ananta_tracing.spans import create_span
>>> sorted(add_trace_ids(None, "info", {"event": "bom loaded"}))
['event', 'span_id', 'trace_id']
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

from opentelemetry import trace

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from ananta_tracing.settings import Settings

_make_record: Any = None


def correlate(settings: Settings | None = None) -> None:
    """Have every log record carry `trace_id` and `span_id`, empty outside of a trace.

    A record keeps the fields of these names that the application gives it (`extra=`).

    Args:
        settings: nothing is done where their `log_correlation` is off.
    """
    global _make_record
    if _make_record is not None or (settings is not None and not settings.log_correlation):
        return
    # Not the record factory: fields it sets make `extra` with the same names raise KeyError.
    make_record = _make_record = logging.Logger.makeRecord

    @functools.wraps(make_record)
    def correlated(self: logging.Logger, *arguments: Any, **keywords: Any) -> logging.LogRecord:
        record = make_record(self, *arguments, **keywords)
        trace_id, span_id = current_ids()
        fields = record.__dict__
        fields.setdefault("trace_id", trace_id)
        fields.setdefault("span_id", span_id)
        return record

    logging.Logger.makeRecord = correlated  # type: ignore[method-assign]


def uncorrelate() -> None:
    """Make log records as before `correlate`, for tests."""
    global _make_record
    if _make_record is not None:
        logging.Logger.makeRecord = _make_record  # type: ignore[method-assign]
        _make_record = None


def add_trace_ids(
    logger: Any, method_name: str, event_dict: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Add `trace_id` and `span_id` to an event of structlog; put it before the renderer.

    `structlog.configure(processors=[add_trace_ids, structlog.processors.JSONRenderer()])`
    """
    del logger, method_name
    trace_id, span_id = current_ids()
    event_dict.setdefault("trace_id", trace_id)
    event_dict.setdefault("span_id", span_id)
    return event_dict


def current_ids() -> tuple[str, str]:
    """The ids of the current trace and span as hexadecimal digits; empty outside of a trace."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return "", ""
    return trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)
