"""The doctor names planted faults, and finds none where there are none."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import trustme

from ananta_tracing.doctor import Level, examine, main
from ananta_tracing.settings import resolve_settings

from .serving import QuietHandler, serving
from .sink import Answer, Sink, attributes, partial_success
from .test_export import https_sink
from .xray_proxy import rule, xray_proxy

if TYPE_CHECKING:
    from .conftest import Run


def faults(**environ: str) -> dict[str, str]:
    """subject -> message of what the doctor finds at fault."""
    chosen = resolve_settings({"service_name": "patient"}, environ)
    return {each.subject: each.message for each in examine(chosen) if each.level is Level.FAULT}


def notes(**environ: str) -> list[str]:
    chosen = resolve_settings({"service_name": "patient"}, environ)
    return [each.message for each in examine(chosen) if each.level is Level.NOTE]


ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def test_a_healthy_way_over_http(http: Sink) -> None:
    assert faults(**{ENDPOINT: http.endpoint}) == {}
    (span,) = http.spans
    assert span.name == "ananta-tracing doctor"
    assert attributes(span.attributes) == {"test": True}
    assert http.resources[0]["service.name"] == "patient"


def test_a_healthy_way_over_grpc(grpc_server: Sink) -> None:
    environ = {ENDPOINT: grpc_server.endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    assert faults(**environ) == {}
    assert len(grpc_server.spans) == 1


def test_nobody_listens() -> None:
    assert "start the collector" in faults(**{ENDPOINT: "http://127.0.0.1:9"})["port"]


def test_an_unknown_name() -> None:
    assert "same network" in faults(**{ENDPOINT: "http://otel-collector.invalid:4317"})["name"]


def test_the_wrong_protocol_and_the_one_that_works(grpc_server: Sink, http: Sink) -> None:
    found = faults(**{ENDPOINT: grpc_server.endpoint})
    assert "OTEL_EXPORTER_OTLP_PROTOCOL=grpc" in found["export"]
    told = notes(**{ENDPOINT: grpc_server.endpoint})
    assert "grpc works there: set OTEL_EXPORTER_OTLP_PROTOCOL=grpc" in told
    wrong = {ENDPOINT: http.endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    assert "does not speak gRPC" in faults(**wrong)["export"]
    assert any("http/protobuf works there" in each for each in notes(**wrong))


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (Answer(401), "OTEL_EXPORTER_OTLP_HEADERS"),
        (Answer(404), "OTEL_EXPORTER_OTLP_ENDPOINT"),
        (Answer(503), "503"),
        (Answer(body=partial_success(1, "no room")), "no room"),
    ],
)
def test_refusals(http: Sink, answer: Answer, advice: str) -> None:
    http.answers = [answer]
    assert advice in faults(**{ENDPOINT: http.endpoint})["export"]


def test_tls(tmp_path, http: Sink) -> None:
    authority = trustme.CA()
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    with https_sink(authority) as (port, paths):
        environ = {ENDPOINT: f"https://localhost:{port}"}
        assert "OTEL_EXPORTER_OTLP_CERTIFICATE" in faults(**environ)["TLS"]
        found = faults(**environ, OTEL_EXPORTER_OTLP_CERTIFICATE=str(trusted))
        assert "TLS" not in found
        assert "export" not in found
        assert paths == ["/v1/traces"]
    assert "write http://" in faults(**{ENDPOINT: f"https://127.0.0.1:{http.port}"})["TLS"]


@pytest.mark.parametrize(
    ("environ", "subject", "advice"),
    [
        ({"OTEL_TRACES_SAMPLER": "always_off"}, "sampler", "nothing new is sent"),
        ({"OTEL_TRACES_SAMPLER": "nosuch"}, "OTEL_TRACES_SAMPLER", "unknown sampler"),
        ({"OTEL_PROPAGATORS": "nosuch"}, "propagators", "known are"),
        ({"OTEL_PROPAGATORS": "baggage"}, "propagators", "OTEL_PROPAGATORS=tracecontext,baggage"),
        ({"OTEL_TRACES_EXPORTER": "none"}, "exporter", "leaves out otlp"),
        ({"OTEL_SDK_DISABLED": "true"}, "disabled", "unset it"),
        ({"OTEL_TRACES_SAMPLER": "xray", "OTEL_TRACES_SAMPLER_ARG": "endpoint=http://127.0.0.1:9"},
         "sampler", "start the X-Ray daemon"),
        ({"OTEL_TRACES_SAMPLER": "xray", "OTEL_TRACES_SAMPLER_ARG": "0.1"},
         "sampler", "write endpoint="),
    ],
)  # fmt: skip
def test_planted_faults(http: Sink, environ, subject, advice) -> None:
    found = faults(**{ENDPOINT: http.endpoint}, **environ)
    assert advice in found[subject]
    assert set(found) == {subject}


def test_surprises_are_noted(http: Sink) -> None:
    environ = {
        ENDPOINT: http.endpoint,
        "OTEL_TRACES_SAMPLER": "traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.5",
        "OTEL_PROPAGATORS": "tracecontext",
    }
    told = "\n".join(notes(**environ))
    assert "write parentbased_traceidratio" in told
    assert "never traced: /health" in told
    assert "baggage does not" in told


def test_who_decides_on_sampling_is_told() -> None:
    """Otherwise an operator would wonder why a variable does nothing."""
    environ = {"OTEL_TRACES_SAMPLER": "always_on", ENDPOINT: "http://127.0.0.1:9"}
    assert any("OTEL_TRACES_SAMPLER holds unless" in each for each in notes(**environ))
    chosen = resolve_settings({"service_name": "x", "sampling_ratio": 0.1}, environ)
    told = [each.message for each in examine(chosen) if each.subject == "sampler"]
    assert any("sampling_ratio is set in the code" in each for each in told)


def test_rules_of_xray_are_listed(http: Sink) -> None:
    with xray_proxy() as proxy:
        proxy.rules = [rule("critical", Priority=1), rule("Default")]
        chosen = resolve_settings(
            {"service_name": "x", "otlp_endpoint": http.endpoint},
            {
                "OTEL_TRACES_SAMPLER": "xray",
                "OTEL_TRACES_SAMPLER_ARG": f"endpoint={proxy.endpoint}",
            },
        )
        assert any("critical, Default" in each.message for each in examine(chosen))


def test_a_clock_that_is_wrong() -> None:
    class Late(QuietHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def date_time_string(self, _: float | None = None) -> str:
            return super().date_time_string(time.time() - 3600)

    with serving(Late) as port:
        found = faults(**{ENDPOINT: f"http://127.0.0.1:{port}"})
    assert "differs by -3600 s" in found["clock"] or "differs by -3601 s" in found["clock"]
    assert set(found) == {"clock"}


def test_versions_that_do_not_fit() -> None:
    from ananta_tracing.doctor import surroundings

    def find(installed: dict[str, list[str]]) -> str:
        return "\n".join(
            each.message
            for each in surroundings._examine_versions(installed)
            if each.level is Level.FAULT
        )

    fitting = {
        "opentelemetry-api": ["1.45.1"],
        "opentelemetry-sdk": ["1.45.1"],
        "opentelemetry-semantic-conventions": ["0.66b1"],
        "opentelemetry-instrumentation-httpx": ["0.66b1"],
    }
    assert find(fitting) == ""
    assert "differ" in find({**fitting, "opentelemetry-sdk": ["1.40.0"]})
    assert "httpx 0.60b0" in find({**fitting, "opentelemetry-instrumentation-httpx": ["0.60b0"]})
    assert "installed 2 times" in find({**fitting, "opentelemetry-api": ["1.45.1", "1.30.0"]})


def test_the_command_prints_settings_with_origins_and_findings(
    http: Sink, capsys, monkeypatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=geheim")
    assert main(["doctor", "--endpoint", http.endpoint, "--service-name", "cns"]) == 0
    out = capsys.readouterr().out
    assert "argument otlp_endpoint" in out
    assert "authorization" in out
    assert "geheim" not in out
    assert "Nothing is at fault" in out
    assert (
        main(["doctor", "--endpoint", "http://127.0.0.1:9", "--service-name", "cns", "--json"]) == 1
    )
    document = json.loads(capsys.readouterr().out)
    assert document["settings"]["endpoint"]["origin"] == "argument otlp_endpoint"
    found = [(each["level"], each["subject"]) for each in document["findings"]]
    assert ("fault", "port") in found  # and notes, where the usual ports are open on this machine


def test_a_wrong_command_is_explained(capsys) -> None:
    with pytest.raises(SystemExit) as error:
        main([])
    assert error.value.code == 2
    assert "doctor" in capsys.readouterr().err


def test_inside_an_application_it_sees_provider_and_drops(run_python: Run) -> None:
    done = run_python(
        """
from ananta_tracing.setup import flush_tracing, init_tracing, settings
tracer = init_tracing("patient", "http://127.0.0.1:9", instrument="none")
for _ in range(20): tracer.start_span("s").end()
from ananta_tracing.doctor import examine
for finding in examine(settings()): print(finding.level.value, finding.subject, finding.message)
""",
        OTEL_BSP_MAX_QUEUE_SIZE="5",
    )
    assert done.returncode == 0, done.stderr
    assert "ok provider ananta_tracing.provider.AnantaTracerProvider" in done.stdout
    assert re.search(r"fault queue spans dropped by this process: \d+ queue_full", done.stdout)


def test_it_runs_as_a_module(http: Sink) -> None:
    from .conftest import SOURCE

    done = subprocess.run(
        [sys.executable, "-m", "ananta_tracing.doctor", "doctor", "--endpoint", http.endpoint,
         "--service-name", "x"],
        env={"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
