"""`ananta-tracing doctor`: why spans do not arrive, and what to change.

It reads the settings as the service would, follows the way of a span to the collector, sends a
real one, and looks at what else could stand in the way. `examine` does the same from inside an
application, where it also sees the provider in force and the spans dropped so far.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ananta_tracing.doctor.findings import Finding, Level, fault, note
from ananta_tracing.settings import resolve_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ananta_tracing.settings import Settings

__all__ = ["Finding", "Level", "examine", "main"]


def examine(settings: Settings, query_url: str = "") -> Iterator[Finding]:
    """Look at everything, in the order in which it matters; never raises.

    Args:
        settings: those to examine, as `ananta_tracing.setup.settings()` or `resolve_settings`
            give them.
        query_url: the query API of the backend, to see whether the test span arrives there.
    """
    from ananta_tracing.doctor.connection import examine_connection
    from ananta_tracing.doctor.decisions import examine_propagation, examine_sampling
    from ananta_tracing.doctor.surroundings import examine_surroundings

    for problem in settings.problems:
        origin, _, message = problem.partition(": ")
        # The name is often an argument of `init_tracing`, which the command cannot see.
        yield (note if origin == "OTEL_SERVICE_NAME" else fault)(origin, message)
    if settings.disabled:
        yield fault("disabled", "OTEL_SDK_DISABLED is set: no span is made; unset it")
    if settings.config_file:
        yield note(
            "OTEL_CONFIG_FILE",
            f"{settings.config_file} says where spans go and which; what follows holds without it",
        )
    yield from examine_connection(settings, query_url)
    yield from examine_sampling(settings)
    yield from examine_propagation(settings)
    yield from examine_surroundings(settings)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when nothing is at fault, 1 when something is, 2 for a wrong command."""
    from ananta_tracing.doctor import show

    parser = argparse.ArgumentParser(
        prog="ananta-tracing", description="Tracing for Python services."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    doctor = commands.add_parser(
        "doctor", help="find out why spans do not arrive, and what to change"
    )
    doctor.add_argument("--endpoint", help="where to send, instead of OTEL_EXPORTER_OTLP_ENDPOINT")
    doctor.add_argument("--protocol", help="grpc or http/protobuf, where the port does not tell")
    doctor.add_argument("--service-name", help="instead of OTEL_SERVICE_NAME")
    doctor.add_argument("--environment", help="development, staging, production or another")
    doctor.add_argument(
        "--query", metavar="URL", default="", help="also look for the test span there (port 16686)"
    )
    doctor.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args(arguments)
    settings = resolve_settings(
        {
            "otlp_endpoint": options.endpoint,
            "protocol": options.protocol,
            "service_name": options.service_name,
            "environment": options.environment,
        }
    )
    findings = examine(settings, options.query)
    write = show.write_json if options.json else show.write_text
    return write(sys.stdout, settings, findings)
