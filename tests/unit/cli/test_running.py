"""`ananta collect` as a process: what it prints, how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest

CONFIG = """
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}}}}
exporters: {nop: }
service:
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: 0}}}}]}}
  pipelines: {traces: {receivers: [otlp], exporters: [nop]}}
"""


@pytest.fixture
def config_file(tmp_path):
    file = tmp_path / "collector.yaml"
    file.write_text(CONFIG)
    return file


@pytest.fixture
def collect(config_file):
    """Start `ananta collect`; with `ready`, return once it says so, with what it said before."""
    started = []

    def collect(*arguments):
        command = [sys.executable, "-c", "from ananta.cli import main; main()", "collect"]
        process = subprocess.Popen(
            [*command, "--config", str(config_file), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield collect
    for process in started:
        process.kill()
        process.communicate()


def read_until_ready(process):
    lines = []
    while line := process.stdout.readline():
        lines.append(line)
        if line.startswith("ready in "):
            return lines
    raise AssertionError(process.stderr.read())


def test_it_says_where_everything_listens_and_stops_at_ctrl_c(collect):
    process = collect()
    lines = read_until_ready(process)
    assert any("otlp grpc  127.0.0.1:" in line for line in lines)
    assert any("metrics" in line and "/metrics" in line for line in lines)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)  # an impatient second one changes nothing
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Stopped: 0 spans delivered, 0 saved for the next start, 0 dropped." in err


def test_a_taken_port_is_one_line_that_names_port_and_setting(collect):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        endpoint = f"receivers.otlp.protocols.grpc.endpoint=127.0.0.1:{port}"
        process = collect("--set", endpoint)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    [line] = [line for line in err.splitlines() if line.startswith("ananta: ")]
    assert "receivers::otlp::protocols::grpc::endpoint" in line
    assert f"127.0.0.1:{port}" in line
    assert "ready in" not in out


def test_a_wrong_configuration_ends_it_with_two_before_anything_listens(collect):
    process = collect("--set", "exporters.nope={}")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert 'unknown type: "nope"' in err
    assert 'did you mean "nop"?' in err
    assert out == ""


def test_sighup_reads_the_configuration_again(collect, config_file):
    process = collect()
    read_until_ready(process)
    config_file.write_text(CONFIG.replace("grpc:", "http:"))
    process.send_signal(signal.SIGHUP)
    lines = read_until_ready(process)
    assert any("otlp http  127.0.0.1:" in line for line in lines)
    config_file.write_text(CONFIG.replace("exporters: [nop]", "exporters: [gone]"))
    process.send_signal(signal.SIGHUP)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert 'references exporter "gone" which is not configured' in err
