"""Imports point one way, as docs/architecture.md draws it: a lower room knows no higher one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "ananta"
RANKS = [
    {"__init__", "_native", "model", "errors", "component", "config", "telemetry"},
    {"wire"},
    {"receivers", "processors", "connectors", "exporters", "extensions", "store"},
    {"pipeline", "query"},
    {"api"},
    {"components", "demo"},
    {"cli", "__main__"},
]
RANK_BY_ROOM = {room: rank for rank, rooms in enumerate(RANKS) for room in rooms}
MODULES = sorted(SOURCE.rglob("*.py"))


def room_of(module: str) -> str:
    """The room a dotted module name of ours is in: `wire` of `ananta.wire.otlp`."""
    return ([*module.split("."), "__init__"])[1]


def imported_modules(tree: ast.AST, module: str):
    """Yield line and dotted name of every import of ours, wherever in the file it stands.

    What stands under `if __name__ == "__main__"` is a program of its own and no part of the module.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".")[: -node.level]
                base = ".".join([*package, base]) if base else ".".join(package)
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}" if base == "ananta" else base
        yield from imported_modules(node, module)


def violations(text: str, module: str) -> list[str]:
    rank = RANK_BY_ROOM[room_of(module)]
    return [
        f"{module}:{line} imports {imported}"
        for line, imported in imported_modules(ast.parse(text), module)
        if imported.split(".")[0] == "ananta" and RANK_BY_ROOM.get(room_of(imported), 0) > rank
    ]


def dotted_name(file: Path) -> str:
    parts = file.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts)


def test_there_are_modules_to_look_at():
    assert len(MODULES) > 20


def test_every_room_has_a_rank():
    rooms = {room_of(dotted_name(file)) for file in MODULES}
    assert rooms <= RANK_BY_ROOM.keys()


@pytest.mark.parametrize("file", MODULES, ids=dotted_name)
def test_a_module_imports_only_from_its_rank_or_below(file):
    assert violations(file.read_text(encoding="utf-8"), dotted_name(file)) == []


@pytest.mark.parametrize(
    ("text", "module", "count"),
    [
        ("from ananta.pipeline.queue import Queue", "ananta.receivers.otlp", 1),
        ("import ananta.cli", "ananta.config.load", 1),
        ("from ananta import components", "ananta.config.load", 1),
        ("from ..pipeline import graph", "ananta.store.writer", 1),
        ("def f():\n  from ananta.api import x", "ananta.query.search", 1),
        ("if TYPE_CHECKING:\n  from ananta.api import x", "ananta.query.search", 1),
        ("from ananta.model import SpanBatch", "ananta.receivers.otlp", 0),
        ("from . import other", "ananta.store.writer", 0),
        ("from ananta import __version__", "ananta.config.load", 0),
        ('if __name__ == "__main__":\n  import ananta.cli', "ananta.config.load", 0),
    ],
)
def test_the_check_sees_every_form_of_import(text, module, count):
    assert len(violations(text, module)) == count
