"""The programs Ananta is measured and tested against, and where their binaries are.

They are built by `python -m bench.peers build` into a cache outside the repository. A peer that
has not been built is `None` here: a benchmark leaves its column empty, a test marked `peer` skips.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

COLLECTOR_VERSION = "0.161.0"
JAEGER_MODULE_VERSION = "1.65.0"  # the Go module's version; the program calls itself 2.2.0
ROTEL_VERSION = "0.0.1a15"


def cache_directory() -> Path:
    """Where peers and data sets are kept between runs; never inside the repository."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "ananta-bench"


def _built(*parts: str) -> Path | None:
    path = cache_directory().joinpath(*parts)
    return path if path.is_file() and os.access(path, os.X_OK) else None


def collector_path() -> Path | None:
    """The OpenTelemetry Collector with the components of `bench/peers/build.py`."""
    return _built("bin", f"otelcol-{COLLECTOR_VERSION}")


def jaeger_path() -> Path | None:
    """Jaeger 2 with all its storage backends, Badger among them."""
    return _built("bin", f"jaeger-{JAEGER_MODULE_VERSION}")


def tracegen_path() -> Path | None:
    """Jaeger's load generator."""
    return _built("bin", f"tracegen-{JAEGER_MODULE_VERSION}")


def rotel_path() -> Path | None:
    """Rotel's program, out of the wheel in a virtual environment of its own."""
    site_packages = Path("lib", f"python3.{sys.version_info.minor}", "site-packages")
    return _built(f"rotel-{ROTEL_VERSION}", str(site_packages), "rotel", "rotel-agent")
