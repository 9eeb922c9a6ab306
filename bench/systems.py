"""The systems that are measured: how each is configured and started for a job.

Two jobs: **forward** (OTLP in, OTLP out to the sink) and **store** (OTLP in, traces found over
Jaeger's HTTP API). Ananta and the Collector forward from the very same configuration file.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bench import peers
from bench.runner import SYSTEM_CORE, System, free_port

if TYPE_CHECKING:
    from collections.abc import Callable

ANANTA, COLLECTOR, ROTEL, JAEGER = "ananta", "collector", "rotel", "jaeger"
PROTOBUF = "protobuf"  # the peer of the codec: a library, not a program
STOCK, BARE = "stock", "bare"  # a service with OpenTelemetry's own packages, and without tracing


@dataclass(frozen=True)
class Doors:
    """Where a system under test listens; a port is 0 where it has no such door."""

    grpc: int
    http: int
    query: int = 0


@dataclass(frozen=True)
class Forward:
    """What a forwarding system is asked to do between its receiver and the sink."""

    sink_port: int
    protocol: str = "grpc"
    gzip: bool = False
    processors: dict[str, Any] | None = None

    @property
    def processor_settings(self) -> dict[str, Any]:
        """The processors in their order; `batch` alone unless others are asked for."""
        return {"batch": {}} if self.processors is None else self.processors


def ananta_path() -> Path | None:
    """The `ananta` command of the environment this runs in."""
    path = Path(sys.executable).parent / "ananta"
    return path if path.exists() else None


def versions() -> dict[str, str]:
    """The version of every system that is there."""
    found = {}
    if ananta_path():
        found[ANANTA] = f"Ananta {metadata.version('ananta')}"
    if peers.collector_path():
        found[COLLECTOR] = f"OpenTelemetry Collector {peers.COLLECTOR_VERSION}"
    if rotel := peers.rotel_path():
        seen = subprocess.run([rotel, "--version"], capture_output=True, text=True, check=True)
        found[ROTEL] = f"Rotel {peers.ROTEL_VERSION} ({seen.stdout.strip()})"
    if peers.jaeger_path():
        found[JAEGER] = f"Jaeger 2.2 with Badger (module {peers.JAEGER_MODULE_VERSION})"
    found[PROTOBUF] = f"protobuf {metadata.version('protobuf')} (upb)"
    found[STOCK] = (
        f"OpenTelemetry for Python {metadata.version('opentelemetry-sdk')} and "
        f"{metadata.version('opentelemetry-instrumentation')}, "
        f"for Node.js {_stock_node_version()}"
    )
    return found


def _stock_node_version() -> str:
    project = Path(__file__).parent / "instrumentation" / "node" / "package.json"
    return str(json.loads(project.read_text())["dependencies"]["@opentelemetry/sdk-node"])


def _receiver(doors: Doors) -> dict[str, Any]:
    return {
        "otlp": {
            "protocols": {
                "grpc": {"endpoint": f"127.0.0.1:{doors.grpc}"},
                "http": {"endpoint": f"127.0.0.1:{doors.http}"},
            }
        }
    }


def _own_metrics() -> dict[str, Any]:
    reader = {"exporter": {"prometheus": {"host": "127.0.0.1", "port": free_port()}}}
    return {"metrics": {"readers": [{"pull": reader}]}}


def _collector_config(job: Forward, doors: Doors) -> str:
    compression = "gzip" if job.gzip else "none"
    grpc = {
        "endpoint": f"127.0.0.1:{job.sink_port}",
        "tls": {"insecure": True},
        "compression": compression,
    }
    http = {"endpoint": f"http://127.0.0.1:{job.sink_port}", "compression": compression}
    exporter = {"otlp": grpc} if job.protocol == "grpc" else {"otlphttp": http}
    return yaml.safe_dump(
        {
            "receivers": _receiver(doors),
            "processors": job.processor_settings,
            "exporters": exporter,
            "service": {
                "telemetry": _own_metrics(),
                "pipelines": {
                    "traces": {
                        "receivers": ["otlp"],
                        "processors": list(job.processor_settings),
                        "exporters": list(exporter),
                    }
                },
            },
        },
        sort_keys=False,
    )


def _forward_ananta(job: Forward, doors: Doors, directory: Path) -> list[str | Path]:
    config = directory / "config.yaml"
    config.write_text(_collector_config(job, doors))
    return [ananta_path() or "ananta", "collect", "--config", config]


def _forward_collector(job: Forward, doors: Doors, directory: Path) -> list[str | Path]:
    config = directory / "config.yaml"
    config.write_text(_collector_config(job, doors))
    return [peers.collector_path() or "otelcol", "--config", config]


def _forward_rotel(job: Forward, doors: Doors, directory: Path) -> list[str | Path]:
    arguments = {
        "--otlp-grpc-endpoint": f"127.0.0.1:{doors.grpc}",
        "--otlp-http-endpoint": f"127.0.0.1:{doors.http}",
        "--exporter": "otlp",
        "--otlp-exporter-endpoint": f"http://127.0.0.1:{job.sink_port}",
        "--otlp-exporter-protocol": job.protocol,
        "--otlp-exporter-compression": "gzip" if job.gzip else "none",
        "--pid-file": str(directory / "rotel.pid"),
        "--log-file": str(directory / "rotel.log"),
    }
    words = [word for pair in arguments.items() for word in pair]
    return [peers.rotel_path() or "rotel", "start", *words]


_FORWARDERS: dict[str, Callable[[Forward, Doors, Path], list[str | Path]]] = {
    ANANTA: _forward_ananta,
    COLLECTOR: _forward_collector,
    ROTEL: _forward_rotel,
}


def start_forward(name: str, job: Forward, directory: Path) -> tuple[System, Doors]:
    """Start a forwarding system; `directory` gets its configuration and output."""
    doors = Doors(grpc=free_port(), http=free_port())
    command = _FORWARDERS[name](job, doors, directory)
    return System(command, [doors.grpc, doors.http], directory), doors


def _store_ananta(doors: Doors, directory: Path, config: dict[str, Any]) -> list[str | Path]:
    moved = ("health_check", free_port()), ("zpages", free_port()), ("query", doors.query)
    settings = {
        "receivers": _receiver(doors),
        "extensions": {name: {"endpoint": f"127.0.0.1:{port}"} for name, port in moved},
        "service": {"telemetry": _own_metrics()},
        **config,
    }
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    data = directory / "data"
    return [ananta_path() or "ananta", "up", "--data-dir", data, "--config", path]


def _store_jaeger(doors: Doors, directory: Path, config: dict[str, Any]) -> list[str | Path]:
    path = directory / "config.yaml"
    badger = {
        "directories": {
            "keys": str(directory / "data" / "keys"),
            "values": str(directory / "data" / "values"),
        },
        "ephemeral": False,
        "ttl": {"spans": "8760h"},
    }
    settings = {
        "receivers": _receiver(doors),
        "processors": {"batch": {}},
        "exporters": {"jaeger_storage_exporter": {"trace_storage": "badger"}},
        "extensions": {
            "jaeger_storage": {"backends": {"badger": {"badger": badger}}},
            "jaeger_query": {
                "storage": {"traces": "badger"},
                "http": {"endpoint": f"127.0.0.1:{doors.query}"},
                "grpc": {"endpoint": f"127.0.0.1:{free_port()}"},
            },
        },
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query"],
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {
                "traces": {
                    "receivers": ["otlp"],
                    "processors": ["batch"],
                    "exporters": ["jaeger_storage_exporter"],
                }
            },
        },
        **config,
    }
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return [peers.jaeger_path() or "jaeger", "--config", path]


_STORES: dict[str, Callable[[Doors, Path, dict[str, Any]], list[str | Path]]] = {
    ANANTA: _store_ananta,
    JAEGER: _store_jaeger,
}


def start_store(
    name: str,
    directory: Path,
    config: dict[str, Any] | None = None,
    *,
    core: int = SYSTEM_CORE,
    stands_back: bool = False,
) -> tuple[System, Doors]:
    """Start a storing system on the data kept in `directory` by earlier runs, if any.

    Args:
        name: `ANANTA` or `JAEGER`.
        directory: gets configuration, output and, under `data`, what is stored.
        config: further sections of the configuration, in the system's own words.
        core, stands_back: as for `System`.
    """
    (directory / "data").mkdir(parents=True, exist_ok=True)
    doors = replace(Doors(grpc=free_port(), http=free_port()), query=free_port())
    command = _STORES[name](doors, directory, config or {})
    ports = [doors.grpc, doors.http, doors.query]
    return System(command, ports, directory, core=core, stands_back=stands_back), doors
