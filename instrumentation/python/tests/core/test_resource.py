"""What a span says about where it comes from."""

from __future__ import annotations

import json
import os
import socket
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ananta_tracing import resource
from ananta_tracing.resource import create_resource
from ananta_tracing.settings import resolve_settings

from .serving import QuietHandler, serving

TASK = "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123"
CONTAINER = "arn:aws:ecs:eu-west-1:123456789012:container/prod/0123/abcd"
DOCUMENTS: dict[str, Any] = {
    "/v4/x": {
        "DockerId": "43481a6ce4842eec8fe72fc28500c6b5",
        "DockerName": "ecs-cns-1",
        "ContainerARN": CONTAINER,
        "Image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/cns:1.2",
        "LogOptions": {"awslogs-group": "/ecs/cns", "awslogs-stream": "cns/1"},
    },
    "/v4/x/task": {
        "Cluster": "prod",
        "TaskARN": TASK,
        "Family": "cns",
        "Revision": "7",
        "LaunchType": "FARGATE",
        "AvailabilityZone": "eu-west-1a",
    },
}


def attributes_of(environ: dict[str, str] | None = None, **arguments: Any) -> dict[str, Any]:
    chosen = resolve_settings({"service_name": "cns-service", **arguments}, environ or {})
    return dict(create_resource(chosen).attributes)


def test_service_host_and_process() -> None:
    got = attributes_of(service_version="1.2", environment="staging")
    assert got["service.name"] == "cns-service"
    assert got["service.version"] == "1.2"
    assert got["deployment.environment"] == got["deployment.environment.name"] == "staging"
    assert got["host.name"] == socket.gethostname()
    assert got["process.pid"] == os.getpid()
    assert got["process.runtime.name"] == "cpython"
    assert got["os.type"] == "linux"
    assert got["telemetry.sdk.language"] == "python"
    assert not any("command" in key for key in got)
    assert attributes_of()["service.instance.id"] != attributes_of()["service.instance.id"]


def test_what_is_said_wins_over_what_is_detected() -> None:
    got = attributes_of(
        {"OTEL_RESOURCE_ATTRIBUTES": "host.name=elsewhere,team=bom,service.name=ignored"},
        resource_attributes={"team": "cns", "rack": 7},
    )
    assert (got["host.name"], got["team"], got["rack"]) == ("elsewhere", "cns", 7)
    assert got["service.name"] == "cns-service"


def test_detectors_can_be_chosen(caplog) -> None:
    got = attributes_of({"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "otel,host,nosuch"})
    assert "host.name" in got
    assert "process.pid" not in got
    assert "unknown detector 'nosuch'" in caplog.text


@pytest.mark.parametrize(
    ("cgroup", "mountinfo"),
    [
        (f"0::/system.slice/docker-{'ab' * 32}.scope\n", ""),
        (f"9:perf:/ecs/0123456789abcdef0123456789abcdef/{'ab' * 32}\n", ""),
        ("0::/\n", f"640 630 8:1 /var/lib/docker/containers/{'ab' * 32}/hostname /etc/hostname\n"),
    ],
)
def test_the_container_id(cgroup, mountinfo, monkeypatch) -> None:
    texts = {"/proc/self/cgroup": cgroup, "/proc/self/mountinfo": mountinfo}
    monkeypatch.setattr(Path, "read_text", lambda self: texts[str(self)])
    assert resource._detect_container() == {"container.id": "ab" * 32}


def test_outside_a_container_there_is_no_id(monkeypatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda self: "0::/user.slice/session-1.scope\n")
    assert resource._detect_container() == {}


@contextmanager
def metadata_service(delay_seconds: float = 0.0):
    class Handler(QuietHandler):
        def do_GET(self) -> None:
            time.sleep(delay_seconds)
            data = json.dumps(DOCUMENTS[self.path]).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(data)

    with serving(Handler) as port:
        yield f"http://127.0.0.1:{port}/v4/x"


def test_the_ecs_task(monkeypatch) -> None:
    with metadata_service() as url:
        monkeypatch.setenv("ECS_CONTAINER_METADATA_URI_V4", url)
        got = attributes_of()
    assert got["cloud.provider"] == "aws"
    assert got["cloud.platform"] == "aws_ecs"
    assert got["cloud.region"] == "eu-west-1"
    assert got["cloud.account.id"] == "123456789012"
    assert got["cloud.availability_zone"] == "eu-west-1a"
    assert got["aws.ecs.task.arn"] == TASK
    assert got["aws.ecs.cluster.arn"] == "arn:aws:ecs:eu-west-1:123456789012:cluster/prod"
    assert got["aws.ecs.task.family"] == "cns"
    assert got["aws.ecs.launchtype"] == "fargate"
    assert got["aws.ecs.container.arn"] == CONTAINER
    assert got["container.id"] == "43481a6ce4842eec8fe72fc28500c6b5"
    assert got["container.image.name"] == "123456789012.dkr.ecr.eu-west-1.amazonaws.com/cns"
    assert got["aws.log.group.names"] == ("/ecs/cns",)


def test_a_metadata_service_that_does_not_answer_is_not_waited_for(monkeypatch) -> None:
    with metadata_service(delay_seconds=3) as url:
        monkeypatch.setenv("ECS_CONTAINER_METADATA_URI_V4", url)
        begin = time.monotonic()
        got = attributes_of()
        assert time.monotonic() - begin < 2.5
    assert got["cloud.platform"] == "aws_ecs"
    assert "aws.ecs.task.arn" not in got
