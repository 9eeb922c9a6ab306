"""The attribute zoo: a value that both languages have leaves either package as the same."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from tests.core.sink import attributes, http_sink

from .programs import NODE_PACKAGE, start_program

if TYPE_CHECKING:
    from pathlib import Path

# key of the attribute, the value in Python, the same in JavaScript
ZOO = [
    ("text", "'a'", "'a'"),
    ("text.empty", "''", "''"),
    ("text.any", "'Łódź 漢字 🦓'", "'Łódź 漢字 🦓'"),
    ("text.broken", r"'a\ud800b'", r"'a\ud800b'"),
    ("text.long", "'x' * 10_000", "'x'.repeat(10_000)"),
    ("truth", "True", "true"),
    ("integer", "-7", "-7"),
    ("integer.large", "2**53 - 1", "2 ** 53 - 1"),
    ("integer.beyond_64_bits", "2**70", "2n ** 70n"),
    ("number", "2.5", "2.5"),
    ("number.whole", "2.0", "2"),
    ("number.tiny", "1e-9", "1e-9"),
    ("number.infinite", "math.inf", "Infinity"),
    ("number.none", "math.nan", "NaN"),
    ("nothing", "None", "null"),
    ("decimal", "Decimal('1.50')", "new Decimal('1.50')"),
    ("time", "datetime(2026, 1, 31, tzinfo=utc)", "new Date(Date.UTC(2026, 0, 31))"),
    (
        "time.millis",
        "datetime(2026, 1, 31, 1, 2, 3, 45000, utc)",
        "new Date(Date.UTC(2026, 0, 31, 1, 2, 3, 45))",
    ),
    ("bytes.text", "'grün'.encode()", "Buffer.from('grün')"),
    ("bytes", "bytes([255, 0])", "Uint8Array.of(255, 0)"),
    ("list", "['a', 'b']", "['a', 'b']"),
    ("list.empty", "[]", "[]"),
    ("list.numbers", "[1, 2.5]", "[1, 2.5]"),
    ("list.truths", "[True, False]", "[true, false]"),
    ("list.mixed", "[1, 'a', True]", "[1, 'a', true]"),
    ("list.gap", "['a', None]", "['a', null]"),
    ("list.times", "[datetime(2026, 1, 31, tzinfo=utc)]", "[new Date(Date.UTC(2026, 0, 31))]"),
    ("list.nested", "[[1, 2], [3]]", "[[1, 2], [3]]"),
    ("list.mappings", "[{'a': 1}, {'a': 2}]", "[{ a: 1 }, { a: 2 }]"),
    ("set", "{'b', 'a'}", "new Set(['b', 'a'])"),
    ("set.numbers", "{10, 9}", "new Set([10, 9])"),
    ("set.mixed", "{'b', 1}", "new Set(['b', 1])"),
    ("mapping", "{'b': 1, 'a': 'ü'}", "{ b: 1, a: 'ü' }"),
    ("mapping.empty", "{}", "{}"),
    (
        "mapping.deep",
        "{'n': None, 't': True, 'f': 0.5, 'm': {'at': [datetime(2026, 1, 31, tzinfo=utc)]}}",
        "{ n: null, t: true, f: 0.5, m: { at: [new Date(Date.UTC(2026, 0, 31))] } }",
    ),
    ("mapping.set", "{'tags': {'c', 'b', 'a'}}", "{ tags: new Set(['c', 'b', 'a']) }"),
    (
        "mapping.secret",
        "{'user': 'ann', 'password': 'hunter2'}",
        "{ user: 'ann', password: 'hunter2' }",
    ),
    ("mapping.long", "{'text': 'x' * 10_000}", "{ text: 'x'.repeat(10_000) }"),
    ("mapping.itself", "endless", "endless"),
    ("object", "Part('R1', [1, 2])", "new Part('R1', [1, 2])"),
    ("error", "ValueError('none')", "Object.assign(new Error('none'), { name: 'ValueError' })"),
]
# key of the attribute, the value as both languages write it
SAME = [
    ("user.password", "'hunter2'"),
    ("access_token", "['hunter2']"),
    ("http.request.header.authorization", "['Bearer hunter2']"),
    ("url.full", "'https://ann:hunter2@h/p?page=2&token=hunter2'"),
    ("url.query", "'sig=hunter2&AWSAccessKeyId=hunter2&page=2'"),
    ("db.query.text", """ "SELECT a FROM t2 WHERE b = 'hunter2' AND c = 7" """),
    ("error.message", "'refused: password=hunter2, retry'"),
    ("exception.message", """'got {"api_key": "hunter2 two", "n": 1}'"""),
    ("exception.stacktrace", "'sent Authorization: Bearer hunter2.abc.def'"),
    ("note", "'the token was refreshed'"),
]
ZOO += [(key, value, value) for key, value in SAME]

PYTHON = """
import math
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from ananta_tracing import create_span, flush_tracing, init_tracing

utc = timezone.utc
endless = {}
endless["itself"] = endless

@dataclass
class Part:
    mpn: str
    pins: list

init_tracing()
with create_span("zoo", {%s}):
    pass
"""
NODE = """
const { createSpan } = require("%s");
const endless = {};
endless.itself = endless;
class Decimal {
  constructor(text) { this.text = text; }
  toString() { return this.text; }
}
class Part {
  constructor(mpn, pins) { this.mpn = mpn; this.pins = pins; }
}
createSpan("zoo", {%s}, () => {});
"""


@pytest.fixture(scope="module")
def zoos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """language -> the attributes as a collector gets them."""
    folder = tmp_path_factory.mktemp("zoo")
    of_python = "".join(f"{key!r}: {value}, " for key, value, _ in ZOO)
    of_node = "".join(f'"{key}": {value}, ' for key, _, value in ZOO)
    return {
        "python": send_zoo("python", folder / "zoo.py", PYTHON % of_python),
        "node": send_zoo("node", folder / "zoo.cjs", NODE % (NODE_PACKAGE / "dist", of_node)),
    }


def send_zoo(language: str, path: Path, program: str) -> dict[str, object]:
    path.write_text(program)
    with http_sink() as sink:
        process = start_program(language, path, sink.endpoint)
        assert process.communicate(timeout=60) == ("", "")
        (span,) = sink.wait_for(1)
    return attributes(span.attributes)


@pytest.mark.parametrize("key", [key for key, *_ in ZOO])
def test_both_send_the_same(zoos, key) -> None:
    ours, theirs = zoos["python"], zoos["node"]
    if key == "nothing":
        assert key not in ours
        assert key not in theirs
    elif key == "number.none":
        assert math.isnan(ours[key])
        assert math.isnan(theirs[key])
    else:
        # JavaScript has one kind of number, so 2 may be an integer there and a fraction here.
        assert kinds(ours[key]) == kinds(theirs[key])
        assert ours[key] == theirs[key]


def kinds(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return ["number" if type(item) in (int, float) else type(item).__name__ for item in items]


@pytest.mark.parametrize("language", ["python", "node"])
def test_no_secret_is_sent(zoos, language) -> None:
    assert {key: value for key, value in zoos[language].items() if "hunter2" in str(value)} == {}


def test_nothing_else_is_sent(zoos) -> None:
    assert list(zoos["python"]) == list(zoos["node"])
    assert len(zoos["python"]) == len(ZOO) - 1
