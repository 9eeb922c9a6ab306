"""What this service is and where it runs: service, host, process, container, ECS task.

Detection reads local files and, on ECS, one address of the metadata service for a second at most.
What cannot be found out is left out.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import re
import socket
import sys
import uuid
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.version import __version__ as sdk_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ananta_tracing.settings import Settings

logger = logging.getLogger(__name__)

_METADATA_TIMEOUT_SECONDS = 0.5  # two documents, so a second at most
_LONGEST_METADATA_BYTES = 1_000_000
_CONTAINER_ID = re.compile(r"(?<![0-9a-f])([0-9a-f]{64}|[0-9a-f]{32}-\d{10})(?![0-9a-f])")


def create_resource(settings: Settings) -> Resource:
    """The resource all spans of this process carry.

    What settings name wins over what is detected.
    """
    attributes: dict[str, Any] = {
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": sdk_version,
        "telemetry.distro.name": "ananta-tracing",
    }
    for name in _wanted_detectors(settings):
        attributes.update(_detect(name))
    attributes.update(settings.resource_attributes)
    attributes["service.name"] = settings.service_name
    if settings.service_version:
        attributes["service.version"] = settings.service_version
    # Both names: the old one is what dashboards and the guide filter by.
    attributes["deployment.environment.name"] = settings.environment
    attributes["deployment.environment"] = settings.environment
    attributes.setdefault("service.instance.id", str(uuid.uuid4()))
    return Resource({key: value for key, value in attributes.items() if value not in (None, "")})


def process_attributes() -> dict[str, Any]:
    """What differs in a forked child: its process id, and the identity of the instance."""
    return {"process.pid": os.getpid(), "service.instance.id": str(uuid.uuid4())}


def _wanted_detectors(settings: Settings) -> list[str]:
    wanted = [name.lower() for name in settings.resource_detectors]
    if "*" in wanted:
        return list(_DETECTORS)
    return [name for name in wanted if name != "otel"]


def _detect(name: str) -> Mapping[str, Any]:
    detect = _DETECTORS.get(name) or _find_detector(name)
    if detect is None:
        logger.warning(
            "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS: unknown detector %r is left out; known are %s",
            name,
            ", ".join(_DETECTORS),
        )
        return {}
    try:
        return detect()
    except Exception as error:  # noqa: BLE001 - a detector is no reason not to start
        logger.debug("The resource detector %s failed: %r", name, error)
        return {}


def _find_detector(name: str) -> Callable[[], Mapping[str, Any]] | None:
    """A detector another package offers by entry point."""
    from importlib.metadata import entry_points

    for entry_point in entry_points(group="opentelemetry_resource_detector", name=name):

        def detect() -> Mapping[str, Any]:
            return dict(entry_point.load()().detect().attributes)  # noqa: B023

        return detect
    return None


def _detect_host() -> dict[str, Any]:
    return {"host.name": socket.gethostname(), "host.arch": _architecture()}


def _architecture() -> str:
    machine = platform.machine().lower()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def _detect_os() -> dict[str, Any]:
    return {"os.type": sys.platform.rstrip("0123456789"), "os.version": platform.release()}


def _detect_process() -> dict[str, Any]:
    # Without the arguments of the command: they may hold secrets.
    return {
        "process.pid": os.getpid(),
        "process.executable.name": Path(sys.executable or "").name,
        "process.executable.path": sys.executable,
        "process.runtime.name": sys.implementation.name,
        "process.runtime.version": platform.python_version(),
    }


def _detect_container() -> dict[str, Any]:
    """The id in the control group, or where the container's files are mounted from."""
    for path, marks in (("/proc/self/cgroup", ()), ("/proc/self/mountinfo", ("/containers/",))):
        try:
            text = Path(path).read_text()
        except OSError:
            continue
        for line in text.splitlines():
            match = _CONTAINER_ID.search(line)
            if match and all(mark in line for mark in marks):
                return {"container.id": match[1]}
    return {}


def _detect_ecs() -> dict[str, Any]:
    """Task, cluster and container by the metadata service of ECS, where there is one."""
    base = os.environ.get("ECS_CONTAINER_METADATA_URI_V4")
    if not base:
        return {}
    found: dict[str, Any] = {
        "cloud.provider": "aws",
        "cloud.platform": "aws_ecs",
        "container.name": socket.gethostname(),
    }
    container, task = _fetch(base), _fetch(f"{base}/task")
    arn = task.get("TaskARN", "")
    cluster = task.get("Cluster", "")
    parts = arn.split(":")
    if len(parts) > 5:
        found["cloud.region"], found["cloud.account.id"] = parts[3], parts[4]
        if cluster and not cluster.startswith("arn:"):
            cluster = f"{':'.join(parts[:5])}:cluster/{cluster}"
    found |= {
        "aws.ecs.task.arn": arn,
        "aws.ecs.cluster.arn": cluster,
        "aws.ecs.task.family": task.get("Family"),
        "aws.ecs.task.revision": task.get("Revision"),
        "aws.ecs.launchtype": str(task.get("LaunchType", "")).lower(),
        "cloud.availability_zone": task.get("AvailabilityZone"),
        "aws.ecs.container.arn": container.get("ContainerARN"),
        "cloud.resource_id": container.get("ContainerARN"),
        "container.id": container.get("DockerId"),
        "container.name": container.get("DockerName") or found["container.name"],
        "container.image.name": str(container.get("Image", "")).rpartition(":")[0] or None,
    }
    options = container.get("LogOptions") or {}
    if group := options.get("awslogs-group"):
        found["aws.log.group.names"] = [group]
    if stream := options.get("awslogs-stream"):
        found["aws.log.stream.names"] = [stream]
    return found


def _fetch(url: str) -> dict[str, Any]:
    """One JSON document of the metadata service; empty when it does not answer in time."""
    from http.client import HTTPConnection, HTTPException

    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=_METADATA_TIMEOUT_SECONDS)
    try:
        with closing(connection):
            connection.request("GET", parts.path or "/")
            response = connection.getresponse()
            if response.status != HTTPStatus.OK:
                return {}
            document = json.loads(response.read(_LONGEST_METADATA_BYTES))
    except (OSError, ValueError, HTTPException) as error:
        logger.debug("The ECS metadata service at %s did not answer: %r", url, error)
        return {}
    return document if isinstance(document, dict) else {}


_DETECTORS: Mapping[str, Callable[[], Mapping[str, Any]]] = {
    "host": _detect_host,
    "os": _detect_os,
    "process": _detect_process,
    "container": _detect_container,
    "aws_ecs": _detect_ecs,
}
