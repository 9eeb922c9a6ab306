"""`OTEL_CONFIG_FILE`: the SDK's own way to be set up, followed through `init_tracing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .sink import http_sink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Run
    from .sink import Sink

CODE = """
import sys
from opentelemetry import propagate
from ananta_tracing import create_span, init_tracing, shutdown_tracing
init_tracing("by-argument", sys.argv[1], sampling_ratio=1.0, instrument="none")
with create_span("load_bom", attributes={"bom.lines": (1, 2)}):
    headers = {}
    propagate.inject(headers)
print(*headers)
print(shutdown_tracing())
create_span("afterwards").__enter__()
"""


@pytest.fixture
def elsewhere() -> Iterator[Sink]:
    """Where the argument and the variables point to."""
    with http_sink() as sink:
        yield sink


def write(directory: Path, sink: Sink, more: str = "") -> str:
    path = directory / "tracing.yaml"
    path.write_text(f"""
file_format: "1.0"
resource:
  attributes:
    - name: service.name
      value: by-file
propagator:
  composite:
    - b3multi:
tracer_provider:
  processors:
    - batch:
        exporter:
          otlp_http:
            endpoint: {sink.endpoint}/v1/traces
{more}
""")
    return str(path)


def test_the_file_beats_arguments_and_variables(
    http: Sink, elsewhere: Sink, run_python: Run, tmp_path: Path
) -> None:
    done = run_python(
        CODE,
        elsewhere.endpoint,
        OTEL_CONFIG_FILE=write(tmp_path, http),
        OTEL_TRACES_SAMPLER="nosuch",
    )
    assert (done.stdout.splitlines()[1:], done.stderr) == (["True"], "")
    assert "x-b3-traceid" in done.stdout
    assert "traceparent" not in done.stdout
    assert [span.name for span in http.spans] == ["load_bom"]
    assert http.resources[0]["service.name"] == "by-file"
    assert elsewhere.spans == []


def test_a_file_may_turn_tracing_off(
    http: Sink, elsewhere: Sink, run_python: Run, tmp_path: Path
) -> None:
    path = write(tmp_path, http, "disabled: true")
    done = run_python(CODE, elsewhere.endpoint, OTEL_CONFIG_FILE=path)
    assert done.stdout.splitlines()[1:] == ["True"]
    assert http.spans == elsewhere.spans == []


def test_a_file_that_cannot_be_used_costs_a_line_and_the_variables_hold(
    elsewhere: Sink, run_python: Run
) -> None:
    done = run_python(CODE, elsewhere.endpoint, OTEL_CONFIG_FILE="/no/such.yaml")
    assert done.returncode == 0
    said = done.stderr.splitlines()[-1]
    assert said.startswith("OTEL_CONFIG_FILE: '/no/such.yaml' cannot be used (")
    assert said.endswith("; the other OTEL_ variables hold")
    assert elsewhere.resources[0]["service.name"] == "by-argument"


def test_what_reads_the_file_may_be_missing(
    http: Sink, elsewhere: Sink, run_python: Run, tmp_path: Path
) -> None:
    done = run_python(
        "import sys; sys.modules['opentelemetry.configuration'] = None\n" + CODE,
        elsewhere.endpoint,
        OTEL_CONFIG_FILE=write(tmp_path, http),
    )
    assert done.stderr == (
        "OTEL_CONFIG_FILE: reading it needs a package more: pip install"
        " 'ananta-tracing[config-file]'; the other OTEL_ variables hold\n"
    )
    assert len(elsewhere.spans) == 1
    assert http.spans == []
