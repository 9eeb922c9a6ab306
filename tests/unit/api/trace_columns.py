"""Reads `application/vnd.ananta.trace` as docs/api.md describes it: the tests' own decoder."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

MEDIA_TYPE = "application/vnd.ananta.trace"
TYPES = {"f64": "d", "i32": "i", "u32": "I", "u8": "B"}
STRING, BOOL, INT, DOUBLE, BYTES, ARRAY, MAP = range(7)
IS_ERROR, IS_ORPHAN, HAS_WARNINGS, IS_CUT_BELOW = 1, 2, 4, 8


@dataclass
class TraceColumns:
    """The header and the columns of one answer."""

    header: dict[str, Any]
    columns: dict[str, tuple[Any, ...]]

    def __getitem__(self, name: str) -> tuple[Any, ...]:
        return self.columns[name]

    def string(self, number: int) -> str:
        begin, end = self["string_offsets"][number : number + 2]
        return bytes(self["string_bytes"][begin:end]).decode()

    def strings(self, name: str) -> list[str]:
        return [self.string(number) for number in self[name]]

    def ids(self, name: str, size: int = 8) -> list[str]:
        data = bytes(self[name])
        return [data[begin : begin + size].hex() for begin in range(0, len(data), size)]

    def range(self, begin: str, owner: int) -> range:
        return range(*self[begin][owner : owner + 2])

    def attributes(self, name: str, owner: int) -> list[tuple[str, int, str]]:
        """Key, type and text of each attribute of an owner."""
        return [
            (
                self.string(self[f"{name}_key"][row]),
                self[f"{name}_type"][row],
                self.string(self[f"{name}_value"][row]),
            )
            for row in self.range(f"{name}_begin", owner)
        ]

    def warnings(self, row: int) -> list[str]:
        return [self.string(self["warning"][place]) for place in self.range("warning_begin", row)]


def decode(body: bytes) -> TraceColumns:
    """The columns of an answer; every promise of the layout is asserted."""
    (length,) = struct.unpack_from("<I", body)
    start = 4 + length
    assert start % 8 == 0
    header = json.loads(body[4:start])
    assert header["version"] == 1
    columns = {}
    for name, column in header["columns"].items():
        assert column["offset"] % 8 == 0
        layout = f"<{column['length']}{TYPES[column['type']]}"
        columns[name] = struct.unpack_from(layout, body, start + column["offset"])
    trace = TraceColumns(header, columns)
    check(trace)
    return trace


def check(trace: TraceColumns) -> None:
    """The rows are one forest, laid out parents first."""
    count = trace.header["count"]
    rows = ("parent", "next", "depth", "start", "duration", "shift", "service", "name", "kind")
    for name in (*rows, "status", "flags", "hidden", "status_message", "resource", "scope"):
        assert len(trace[name]) == count, name
    assert len(trace["span_id"]) == len(trace["parent_span_id"]) == 8 * count
    assert len(trace["dropped"]) == 3 * count
    assert trace.string(0) == ""
    assert min(trace["start"]) == 0
    siblings: dict[int, tuple[float, str]] = {}
    ids = trace.ids("span_id")
    for row, (parent, after) in enumerate(zip(trace["parent"], trace["next"], strict=True)):
        assert -1 <= parent < row < after <= count
        assert trace["depth"][row] == (trace["depth"][parent] + 1 if parent >= 0 else 0)
        assert parent < 0 or after <= trace["next"][parent]
        order = (trace["start"][row], ids[row])
        assert siblings.get(parent, order) <= order
        siblings[parent] = order
        assert (trace["hidden"][row] > 0) is bool(trace["flags"][row] & IS_CUT_BELOW)
        assert bool(trace.warnings(row)) is bool(trace["flags"][row] & HAS_WARNINGS)
