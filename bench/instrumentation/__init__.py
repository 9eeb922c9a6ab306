"""What tracing costs the service that is traced: bare, with stock OpenTelemetry, and with ours.

`services` puts a trivial FastAPI and a trivial Express service under load, `span` takes the cost of
a Python span apart, `lifecycle` looks at start and end. Spans go to a running `ananta up`, which is
asked afterwards what has arrived. Both sides read the same `OTEL_*` variables.
"""

from __future__ import annotations

from bench.systems import ANANTA, BARE, STOCK

SIDES = (BARE, STOCK, ANANTA)
"""Who is compared, in the order of each round."""

ALWAYS, TENTH = "always on", "10 % sampled"
_SAMPLERS = {ALWAYS: ("parentbased_always_on", ""), TENTH: ("parentbased_traceidratio", "0.1")}


def settings(
    side: str, service: str, ports: dict[str, int], protocol: str = "grpc", sampling: str = ALWAYS
) -> dict[str, str]:
    """The variables a traced process is started with.

    Args:
        side: one of `SIDES`; the programs of this package read it as `BENCH_SIDE`.
        service: the service name its spans are counted by.
        ports: where the collector listens, by protocol.
        protocol: `grpc` or `http`.
        sampling: `ALWAYS` or `TENTH`.
    """
    sampler, argument = _SAMPLERS[sampling]
    return {
        "BENCH_SIDE": side,
        "OTEL_SERVICE_NAME": service,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{ports[protocol]}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc" if protocol == "grpc" else "http/protobuf",
        "OTEL_TRACES_SAMPLER": sampler,
        "OTEL_TRACES_SAMPLER_ARG": argument,
        # So that spans leave within the load that made them.
        "OTEL_BSP_SCHEDULE_DELAY": "500",
        "OTEL_SEMCONV_STABILITY_OPT_IN": "http,database",
    }
