"""`python -m bench.peers build [NAME ...]` builds peers; `python -m bench.peers` lists them."""

from __future__ import annotations

import argparse
import sys

from bench.peers import collector_path, jaeger_path, rotel_path, tracegen_path
from bench.peers.build import BUILDERS, build


def main() -> int:
    """Run the command; 1 when a build failed, 0 when every asked peer is there or was skipped."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["list", "build"], default="list")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BUILDERS))
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BUILDERS)
    if unknown:
        names = ", ".join(sorted(unknown))
        parser.error(f"unknown peer {names}; choose from {', '.join(BUILDERS)}")
    failed = arguments.command == "build" and not build(arguments.names or list(BUILDERS))
    for name, path in {
        "collector": collector_path(),
        "jaeger": jaeger_path(),
        "tracegen": tracegen_path(),
        "rotel": rotel_path(),
    }.items():
        print(f"{name}={path or '(not built)'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
