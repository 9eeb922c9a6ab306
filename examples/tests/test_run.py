"""The driver, as `make example` starts it, and what it does where something is missing."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from stack import needs
from stack.example import Example
from stack.needs import EXAMPLES, need_temporal
from stack.ports import Ports
from stack.process import ExampleError, Program
from stack.story import Story

from .conftest import DEVELOPMENT, wait_for_trace

pytestmark = pytest.mark.e2e


def test_prints_a_link_to_each_trace_and_leaves_nothing_behind() -> None:
    command = [sys.executable, str(EXAMPLES / "run.py"), "--once", "--any-ports"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "provision a tenant: completed" in done.stdout
    assert "enrich it: 4 matched, 1 unmatched, 1 failed" in done.stdout
    links = re.findall(r"http://localhost:(\d+)/trace/[0-9a-f]{32}\n", done.stdout)
    assert len(links) == 5
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(links[0]))) != 0
    [directory] = re.findall(r"Logs +(\S+)", done.stdout)
    assert not Path(directory).exists()
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert not [command for command in commands if directory in " ".join(command)]


def test_without_go_the_workflows_are_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(tmp_path))
        patched.setattr(needs, "BUILD", tmp_path)
        temporal = need_temporal(print)
    assert temporal is None
    with Example(Ports.free(), temporal, DEVELOPMENT) as example:
        recorded, *rest = Story(example.ports).without_workflows()
        trace = wait_for_trace(example.platform_url, recorded.trace_id)
        [provision] = trace.find("tenant-management-service", "provision_tenant")
        assert provision.event_names() == ["tenant_created", "provisioning_skipped"]
        assert [step.outcome for step in rest][1] == "4 matched, 1 unmatched, 1 failed"


def test_a_port_in_use_is_named_with_what_to_do() -> None:
    ports = Ports.free()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports.cns))
        taken.listen()
        with pytest.raises(ExampleError, match=rf"port {ports.cns} \(cns\).*--any-ports"):
            ports.check()


def test_a_program_that_ends_at_once_is_explained_by_its_own_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such database')"]
    program = Program("cns-service", command, tmp_path / "log")
    with pytest.raises(ExampleError, match=r"(?s)cns-service ended.*no such database"):
        program.wait_until(lambda: False)
