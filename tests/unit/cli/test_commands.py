"""What the command line prints and answers, short of running anything."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from ananta import __version__
from ananta.cli import main

VALID = """
receivers: {otlp: {protocols: {grpc: }}}
processors: {batch: }
exporters:
  otlp_grpc: {endpoint: "collector:4317", headers: {authorization: "${env:TOKEN}"}}
service: {pipelines: {traces: {receivers: [otlp], processors: [batch], exporters: [otlp_grpc]}}}
"""


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command line; the exit code, standard output and standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ananta", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        printed = capsys.readouterr()
        return caught.value.code or 0, printed.out, printed.err

    return run


@pytest.fixture
def config_file(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", "hunter2")
    file = tmp_path / "collector.yaml"
    file.write_text(VALID)
    return file


def test_version_is_printed(run):
    assert run("version") == (0, f"ananta {__version__}\n", "")


def test_version_imports_nothing_heavy():
    program = (
        "import sys; sys.argv = ['ananta', 'version']\n"
        "from ananta.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'yaml', 'rich', 'pyarrow', 'starlette', 'ananta._native'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"ananta {__version__}\n[]\n"


def test_components_lists_every_type_with_its_older_names(run):
    code, out, _ = run("components")
    assert code == 0
    for name in ("receivers", "memory_limiter", "otlp_grpc, otlp", "debug, logging", "query"):
        assert name in out


def test_a_valid_file_is_said_to_be_valid(run, config_file):
    code, out, err = run("validate", "--config", str(config_file))
    assert (code, err) == (0, "")
    assert out == "valid\n  traces: otlp → batch → otlp_grpc\n"


def test_every_problem_has_its_line_and_the_exit_code_is_two(run, config_file):
    code, out, err = run(
        "validate",
        "--config",
        str(config_file),
        "--set=processors.batch.timeout=soon",
        "--set=exporters.otlp_grpc.tsl=x",
    )
    assert (code, out) == (2, "")
    assert "ananta: 2 problems in the configuration" in err
    assert "  processors::batch::timeout: expected a duration" in err
    assert 'has invalid keys: tsl; did you mean "tls"? (--set exporters.otlp_grpc.tsl)' in err


def test_a_file_is_needed(run):
    code, _, err = run("validate")
    assert code == 2
    assert "at least one config flag must be provided" in err


def test_an_unknown_option_is_wrong_usage(run):
    assert run("validate", "--confg", "x")[0] == 2


def test_the_configuration_is_printed_with_secrets_masked(run, config_file):
    code, out, _ = run("print-config", "--config", str(config_file))
    assert code == 0
    assert "hunter2" not in out
    shown = yaml.safe_load(out)
    assert shown["exporters"]["otlp_grpc"]["headers"] == {"authorization": "[REDACTED]"}
    assert shown["service"]["pipelines"]["traces"]["receivers"] == ["otlp"]


def test_files_can_be_laid_over_what_up_runs(run, tmp_path, monkeypatch):
    monkeypatch.setenv("ANANTA_DATA_DIR", str(tmp_path / "data"))
    mine = tmp_path / "mine.yaml"
    mine.write_text("processors: {memory_limiter: {limit_mib: 100, spike_limit_mib: 20}}\n")
    code, out, _ = run("print-config", "--up", "--config", str(mine))
    assert code == 0
    shown = yaml.safe_load(out)
    assert shown["processors"]["memory_limiter"]["limit_mib"] == 100
    assert shown["extensions"]["file_storage"]["directory"] == str(tmp_path / "data" / "journal")
    code, out, err = run("validate", "--up", "--config", str(mine))
    assert (code, err) == (0, "")


def test_old_names_are_warned_of(run, config_file):
    code, _out, err = run(
        "validate",
        "--config",
        str(config_file),
        "--set=exporters.logging={}",
        "--set=service.pipelines.traces.exporters=[logging]",
    )
    assert code == 0
    assert "warning: exporters::logging: the logging exporter has been deprecated" in err
