"""The README is true: its programs run and deliver, its tables name what the code reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ananta_tracing.settings import PRESETS

from .conftest import SOURCE, Run
from .sink import Sink, attributes

README = Path(__file__).parents[2] / "README.md"
TEXT = README.read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [
    line
    for block in re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("ananta-tracing ")
]


def test_there_are_programs_and_commands() -> None:
    assert len(PROGRAMS) >= 4
    assert COMMANDS


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_programs_run_and_deliver(number: int, grpc_server: Sink, run_python: Run) -> None:
    program = PROGRAMS[number]
    assert "http://localhost:4317" in program
    done = run_python(
        program.replace("http://localhost:4317", grpc_server.endpoint),
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
    )
    assert (done.returncode, done.stderr) == (0, "")
    if "FastAPI" not in program:
        assert grpc_server.spans
    for span in grpc_server.spans:
        sent = attributes(span.attributes)
        assert "customer.email" not in sent
        assert sent.get("payment.token", "[REDACTED]") == "[REDACTED]"


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_work(command: str, grpc_server: Sink, run_python: Run) -> None:
    arguments = command.replace("http://localhost:4317", grpc_server.endpoint).split()[1:]
    done = run_python(
        f"import sys; from ananta_tracing.doctor import main; sys.exit(main({arguments!r}))",
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert grpc_server.spans


def test_every_variable_the_code_reads_is_in_the_table() -> None:
    read: set[str] = set()
    for module in ("settings", "limits", "endpoint", "sampler_names"):
        source = (SOURCE / "ananta_tracing" / f"{module}.py").read_text()
        read |= set(re.findall(r'"((?:ANANTA|OTEL|JAEGER|AWS|DEPLOYMENT)_[A-Z_]*[A-Z])"', source))
    assert len(read) > 30
    table = "\n".join(line for line in TEXT.splitlines() if line.startswith("|"))
    assert sorted(name for name in read if name not in table) == []


def test_presets_are_those_of_the_table() -> None:
    for name, preset in PRESETS.items():
        row = next(line for line in TEXT.splitlines() if line.startswith(f"| `{name}` |"))
        sampler = preset["sampler"]
        assert f"`{sampler.name}` {sampler.argument}".strip() in row
        assert f"{preset.get('schedule_delay_seconds', 5):g} s" in row
