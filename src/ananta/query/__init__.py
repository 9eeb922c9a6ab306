"""What can be asked of the traces that are stored, whatever face it is asked through."""

from __future__ import annotations

from ananta.query.language import parse_filter
from ananta.query.service import FoundTraces, QueryService
from ananta.query.trace_query import MAX_TRACES, InvalidQueryError, TraceQuery

__all__ = [
    "MAX_TRACES",
    "FoundTraces",
    "InvalidQueryError",
    "QueryService",
    "TraceQuery",
    "parse_filter",
]
