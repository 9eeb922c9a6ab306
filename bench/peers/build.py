"""Builds the peers from source through the Go module proxy, and installs Rotel from PyPI.

Everything lands in `cache_directory()`: sources under `src/`, binaries under `bin/`, named by
version so that raising a version builds anew. Go programs are skipped where Go is absent.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from typing import TYPE_CHECKING

from bench.peers import (
    COLLECTOR_VERSION,
    JAEGER_MODULE_VERSION,
    ROTEL_VERSION,
    cache_directory,
    collector_path,
    jaeger_path,
    rotel_path,
    tracegen_path,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_CORE = "go.opentelemetry.io/collector"
_CONTRIB = "github.com/open-telemetry/opentelemetry-collector-contrib"

_COLLECTOR_MODULES = {
    "receivers": [f"{_CORE}/receiver/otlpreceiver"],
    "processors": [
        f"{_CORE}/processor/batchprocessor",
        f"{_CORE}/processor/memorylimiterprocessor",
        f"{_CONTRIB}/processor/attributesprocessor",
        f"{_CONTRIB}/processor/probabilisticsamplerprocessor",
        f"{_CONTRIB}/processor/resourceprocessor",
        f"{_CONTRIB}/processor/spanprocessor",
    ],
    "exporters": [
        f"{_CORE}/exporter/otlpexporter",
        f"{_CORE}/exporter/otlphttpexporter",
        f"{_CORE}/exporter/debugexporter",
        f"{_CORE}/exporter/nopexporter",
    ],
}

# Jaeger's commands are no library: a file that is never compiled keeps `go mod tidy` from
# dropping them from the module.
_JAEGER_ANCHOR = """//go:build tools

package tools

import (
	_ "github.com/jaegertracing/jaeger/cmd/jaeger"
	_ "github.com/jaegertracing/jaeger/cmd/tracegen"
)
"""


def build(names: Sequence[str]) -> bool:
    """Build what is missing of the named peers, saying what is skipped; False if one failed."""
    built = True
    for name in names:
        try:
            BUILDERS[name]()
        except subprocess.CalledProcessError as error:
            print(f"{name}: build failed: {error}", file=sys.stderr)
            built = False
    return built


def _run(*command: str | Path, cwd: Path | None = None, **environment: str) -> None:
    """Run one build step on one core at low priority: builds must not disturb what else runs."""
    print("+", *command, flush=True)
    flags = f"{os.environ.get('GOFLAGS', '')} -p=1".strip()
    subprocess.run(
        ["nice", "-n", "15", *map(str, command)],
        cwd=cwd,
        env={**os.environ, "GOFLAGS": flags, "CGO_ENABLED": "0", **environment},
        check=True,
    )


def _go_is_here(name: str) -> bool:
    if shutil.which("go"):
        return True
    print(f"{name}: skipped, Go is not installed (its `go` command must be on PATH)")
    return False


def collector_manifest(output: Path) -> str:
    """The builder's YAML: which components the Collector beside us is made of."""
    lines = ["dist:", "  name: otelcol", f"  output_path: {output}"]
    lines.append(f"  version: {COLLECTOR_VERSION}")
    for section, modules in _COLLECTOR_MODULES.items():
        lines.append(f"{section}:")
        lines += [f"  - gomod: {module} v{COLLECTOR_VERSION}" for module in modules]
    return "\n".join(lines) + "\n"


def build_collector() -> None:
    """Build the OpenTelemetry Collector with its own builder."""
    if collector_path() or not _go_is_here("collector"):
        return
    source, binaries = cache_directory() / "src" / "otelcol", cache_directory() / "bin"
    source.mkdir(parents=True, exist_ok=True)
    binaries.mkdir(parents=True, exist_ok=True)
    _run("go", "install", f"{_CORE}/cmd/builder@v{COLLECTOR_VERSION}", GOBIN=str(binaries))
    manifest = source / "builder.yaml"
    manifest.write_text(collector_manifest(source / "dist"))
    _run(binaries / "builder", "--config", manifest, cwd=source)
    shutil.move(source / "dist" / "otelcol", binaries / f"otelcol-{COLLECTOR_VERSION}")


def build_jaeger() -> None:
    """Build Jaeger 2 and its `tracegen` as commands of a dependency."""
    if (jaeger_path() and tracegen_path()) or not _go_is_here("jaeger"):
        return
    source, binaries = cache_directory() / "src" / "jaeger", cache_directory() / "bin"
    source.mkdir(parents=True, exist_ok=True)
    binaries.mkdir(parents=True, exist_ok=True)
    module = "github.com/jaegertracing/jaeger"
    (source / "tools.go").write_text(_JAEGER_ANCHOR)
    (source / "go.mod").write_text(
        f"module bench/jaeger\n\ngo 1.23\n\nrequire {module} v{JAEGER_MODULE_VERSION}\n"
    )
    _run("go", "mod", "tidy", cwd=source)
    for command in ("tracegen", "jaeger"):
        target = binaries / f"{command}-{JAEGER_MODULE_VERSION}"
        _run("go", "build", "-trimpath", "-o", target, f"{module}/cmd/{command}", cwd=source)


def install_rotel() -> None:
    """Install Rotel into a virtual environment of its own."""
    if rotel_path():
        return
    directory = cache_directory() / f"rotel-{ROTEL_VERSION}"
    venv.create(directory, with_pip=True, clear=True)
    _run(directory / "bin" / "pip", "install", "--quiet", f"rotel=={ROTEL_VERSION}")


BUILDERS: dict[str, Callable[[], None]] = {
    "rotel": install_rotel,
    "collector": build_collector,
    "jaeger": build_jaeger,
}
