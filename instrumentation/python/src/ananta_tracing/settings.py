"""Everything that can be set, as one immutable value: `resolve_settings(arguments) -> Settings`.

An argument of `init_tracing` wins over an `OTEL_*` variable, that over the preset of the
environment (development, staging, production), that over the default. Each value knows its
origin, and whatever could not be used is told in `problems`, one line each.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ananta_tracing import sampler_names
from ananta_tracing.endpoint import Protocol, read_destination
from ananta_tracing.limits import BatchLimits, Limits, read_batch_limits, read_limits
from ananta_tracing.messaging import Relation, read_relation
from ananta_tracing.sampler_names import SamplerChoice
from ananta_tracing.variables import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN_SERVICE = "unknown_service"
DEFAULT_EXCLUDED_URLS: tuple[str, ...] = (
    r"/(health|healthz|healthcheck|livez|readyz|live|ready|ping|metrics)/?(\?|$)",
)
DEFAULT_SANITIZE_FIELDS: tuple[str, ...] = (
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "x-amz-security-token",
)

_NONE: tuple[str, ...] = ()
_OTLP: tuple[str, ...] = ("otlp",)
_W3C: tuple[str, ...] = ("tracecontext", "baggage")
_ALL: tuple[str, ...] = ("*",)
_PARENT: Relation = "parent"
_NO_PAIRS: dict[str, str] = {}

# What the guide asks for in each environment.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "development": {
        "sampler": SamplerChoice("parentbased_always_on"),
        "schedule_delay_seconds": 1.0,
    },
    "staging": {"sampler": SamplerChoice("parentbased_traceidratio", "0.5")},
    "production": {"sampler": SamplerChoice("parentbased_traceidratio", "0.1")},
}
_PRESET_ALIASES = {
    "dev": "development",
    "local": "development",
    "test": "development",
    "stage": "staging",
    "prod": "production",
    "live": "production",
}


@dataclass(frozen=True)
class CapturedHeaders:
    """Names (or regular expressions) of the headers to keep as attributes; none by default."""

    server_request: tuple[str, ...] = ()
    server_response: tuple[str, ...] = ()
    client_request: tuple[str, ...] = ()
    client_response: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """The effective settings of this process."""

    service_name: str
    service_version: str
    """Empty when nobody said."""
    environment: str
    endpoint: str
    """The URL spans are sent to; empty when what was given could not be read."""
    protocol: Protocol
    headers: Mapping[str, str] = field(repr=False)
    """May hold secrets: shown nowhere."""
    insecure: bool
    certificate: str
    client_key: str
    client_certificate: str
    timeout_seconds: float
    compression: str
    """`gzip` or `none`."""
    exporters: tuple[str, ...]
    """`otlp`, `console`, or the entry point names of others; empty when nothing is exported."""
    sampler: SamplerChoice
    propagators: tuple[str, ...]
    resource_attributes: Mapping[str, Any]
    resource_detectors: tuple[str, ...]
    id_generator: str
    excluded_urls: tuple[str, ...]
    """Regular expressions searched for in the URL of a request that is not to be traced."""
    framework_excluded_urls: Mapping[str, tuple[str, ...]]
    """framework (`fastapi`, `flask` …) -> what replaces `excluded_urls` there."""
    captured_headers: CapturedHeaders
    sanitize_fields: tuple[str, ...]
    """Names or regular expressions of headers whose value is replaced by [REDACTED]."""
    disabled_instrumentations: tuple[str, ...]
    messaging_consumers: Relation
    log_correlation: bool
    log_level: str
    """Empty when nobody said."""
    semconv_stability: str
    batch: BatchLimits
    limits: Limits
    disabled: bool
    config_file: str
    """The path of a file that the SDK sets itself up by, instead of most of these; or empty."""
    origins: Mapping[str, str] = field(repr=False, compare=False)
    problems: tuple[str, ...] = field(repr=False, compare=False)

    def excluded_urls_of(self, framework: str) -> tuple[str, ...]:
        """The expressions that hold for one framework."""
        return self.framework_excluded_urls.get(framework.lower(), self.excluded_urls)


def resolve_settings(
    arguments: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """The settings that hold for these arguments and variables; never raises.

    Args:
        arguments: the arguments of `init_tracing` by name; None stands for not given.
        environ: the environment variables; those of the process by default.
    """
    environ = os.environ if environ is None else environ
    reader = Reader(arguments or {}, environ)
    resource_attributes = _read_resource_attributes(reader)
    environment = _read_environment(reader, resource_attributes)
    destination = read_destination(reader)
    values: dict[str, Any] = {
        "service_name": _read_service_name(reader, resource_attributes),
        "service_version": _read_identity(
            reader,
            resource_attributes,
            "service_version",
            "OTEL_SERVICE_VERSION",
            "service.version",
        ),
        "environment": environment,
        "endpoint": destination.endpoint,
        "protocol": destination.protocol,
        "insecure": destination.insecure,
        "resource_attributes": MappingProxyType(resource_attributes),
        **_read_export(reader),
        "sampler": sampler_names.read_sampler(reader),
        "propagators": _read_propagators(reader),
        **_read_privacy(reader, environ),
        **_read_process(reader),
        "batch": read_batch_limits(reader),
        "limits": read_limits(reader),
    }
    return Settings(
        **values, origins=MappingProxyType(reader.origins), problems=tuple(reader.problems)
    )


def preset_sampler(environment: str) -> SamplerChoice:
    """What an environment samples when nobody says otherwise, or what was said cannot be used."""
    preset = PRESETS.get(_preset_name(environment), {})
    choice: SamplerChoice = preset.get("sampler", SamplerChoice("parentbased_always_on"))
    return choice


def _preset_name(environment: str) -> str:
    folded = environment.strip().lower()
    return _PRESET_ALIASES.get(folded, folded)


def _text(_: str, text: str) -> str:
    return text


def _read_resource_attributes(reader: Reader) -> dict[str, Any]:
    found: dict[str, Any] = dict(
        reader.read("resource_attributes", ("OTEL_RESOURCE_ATTRIBUTES",), reader.pairs, _NO_PAIRS)
    )
    given = reader.argument("resource_attributes")
    if given:
        found.update(given)
        reader.origins["resource_attributes"] = "argument resource_attributes" + (
            " and OTEL_RESOURCE_ATTRIBUTES" if len(found) > len(given) else ""
        )
    return found


def _read_identity(
    reader: Reader, attributes: Mapping[str, Any], setting: str, variable: str, *keys: str
) -> str:
    """The argument or variable, else the first of these resource attributes, else empty."""
    text = reader.read(setting, (variable,), _text, "", argument=setting)
    for key in keys:
        if not text and attributes.get(key):
            reader.origins[setting] = reader.origins["resource_attributes"]
            text = str(attributes[key])
    return text


def _read_service_name(reader: Reader, attributes: Mapping[str, Any]) -> str:
    name = _read_identity(reader, attributes, "service_name", "OTEL_SERVICE_NAME", "service.name")
    if name:
        return name
    program = PurePath(sys.executable or "").name
    name = f"{UNKNOWN_SERVICE}:{program}" if program else UNKNOWN_SERVICE
    reader.problem("OTEL_SERVICE_NAME", f"the service has no name, so it is called {name}; set it")
    return name


def _read_environment(reader: Reader, attributes: Mapping[str, Any]) -> str:
    """The name of the environment; also chooses the preset."""
    environment = _read_identity(
        reader,
        attributes,
        "environment",
        "DEPLOYMENT_ENVIRONMENT",
        "deployment.environment.name",
        "deployment.environment",
    )
    environment = environment or "development"
    name = _preset_name(environment)
    preset = dict(PRESETS.get(name, {}))
    on_aws = reader.variable("AWS_XRAY_DAEMON_ADDRESS")[1]
    if name == "production" and on_aws:
        preset["sampler"] = SamplerChoice("xray", f"endpoint={on_aws}")
    if on_aws:
        preset["propagators"] = ("tracecontext", "baggage", "xray")
    reader.use_preset(name, preset)
    return environment


def _read_export(reader: Reader) -> dict[str, Any]:
    def compression(_: str, text: str) -> str:
        folded = text.lower()
        if folded not in ("gzip", "none"):
            message = f"unknown compression {text!r}; write gzip or none"
            raise ValueError(message)
        return folded

    def otlp(name: str) -> tuple[str, str]:
        return f"OTEL_EXPORTER_OTLP_TRACES_{name}", f"OTEL_EXPORTER_OTLP_{name}"

    def path(setting: str) -> str:
        return reader.read(setting, otlp(setting.upper()), _text, "")

    return {
        "headers": MappingProxyType(
            reader.read("headers", otlp("HEADERS"), reader.pairs, _NO_PAIRS, argument="headers")
        ),
        "certificate": path("certificate"),
        "client_key": path("client_key"),
        "client_certificate": path("client_certificate"),
        "timeout_seconds": reader.read("timeout_seconds", otlp("TIMEOUT"), reader.timeout, 10.0),
        "compression": reader.read("compression", otlp("COMPRESSION"), compression, "none"),
        "exporters": _read_exporters(reader),
    }


def _read_exporters(reader: Reader) -> tuple[str, ...]:
    def parse(origin: str, text: str) -> tuple[str, ...]:
        found: list[str] = []
        for name in reader.names(origin, text.lower()):
            if name in ("jaeger", "zipkin", "otlp_proto_grpc", "otlp_proto_http"):
                reader.problem(origin, f"{name} is read as otlp; write otlp")
                name = "otlp"
            if name not in found:
                found.append(name)
        return tuple(name for name in found if name != "none")

    return reader.read("exporters", ("OTEL_TRACES_EXPORTER",), parse, _OTLP)


def _read_propagators(reader: Reader) -> tuple[str, ...]:
    def parse(origin: str, text: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(reader.names(origin, text.lower())))
        if not names:
            message = f"{text!r} names no propagator"
            raise ValueError(message)
        return names

    return reader.read("propagators", ("OTEL_PROPAGATORS",), parse, _W3C)


def _read_privacy(reader: Reader, environ: Mapping[str, str]) -> dict[str, Any]:
    prefix = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_"
    places = ("server_request", "server_response", "client_request", "client_response")

    def usable(origin: str, expression: str) -> bool:
        try:
            re.compile(expression)
        except re.error as error:
            reader.problem(
                origin, f"{expression!r} is no regular expression ({error}) and is left out"
            )
            return False
        return True

    def expressions(origin: str, text: str) -> tuple[str, ...]:
        return tuple(each for each in reader.names(origin, text) if usable(origin, each))

    frameworks = {}
    for name, text in environ.items():
        match = re.fullmatch(r"OTEL_PYTHON_(\w+)_EXCLUDED_URLS", name)
        if match and text.strip():
            frameworks[match[1].lower()] = expressions(name, text)
    return {
        "excluded_urls": reader.read(
            "excluded_urls", ("OTEL_PYTHON_EXCLUDED_URLS",), expressions, DEFAULT_EXCLUDED_URLS
        ),
        "framework_excluded_urls": MappingProxyType(frameworks),
        "captured_headers": CapturedHeaders(
            *(
                reader.read(
                    f"captured_headers.{place}", (prefix + place.upper(),), expressions, _NONE
                )
                for place in places
            )
        ),
        "sanitize_fields": reader.read(
            "sanitize_fields",
            (prefix + "SANITIZE_FIELDS",),
            lambda origin, text: tuple(
                dict.fromkeys((*DEFAULT_SANITIZE_FIELDS, *expressions(origin, text)))
            ),
            DEFAULT_SANITIZE_FIELDS,
        ),
    }


def _read_process(reader: Reader) -> dict[str, Any]:
    return {
        "config_file": reader.read("config_file", ("OTEL_CONFIG_FILE",), _text, ""),
        "resource_detectors": reader.read(
            "resource_detectors", ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS",), reader.names, _ALL
        ),
        "id_generator": reader.read("id_generator", ("OTEL_PYTHON_ID_GENERATOR",), _text, "random"),
        "disabled_instrumentations": reader.read(
            "disabled_instrumentations",
            ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",),
            reader.names,
            _NONE,
        ),
        "messaging_consumers": reader.read(
            "messaging_consumers",
            ("ANANTA_TRACING_MESSAGING_CONSUMERS",),
            read_relation,
            _PARENT,
            argument="messaging_consumers",
        ),
        "log_correlation": reader.read(
            "log_correlation", ("OTEL_PYTHON_LOG_CORRELATION",), reader.flag, default=True
        ),
        "log_level": reader.read("log_level", ("OTEL_LOG_LEVEL",), _log_level, ""),
        "semconv_stability": reader.read(
            "semconv_stability", ("OTEL_SEMCONV_STABILITY_OPT_IN",), _text, "http,database"
        ),
        "disabled": reader.read("disabled", ("OTEL_SDK_DISABLED",), reader.flag, default=False),
    }


def _log_level(_: str, text: str) -> str:
    folded = {"warn": "warning", "none": "critical", "fatal": "critical"}.get(
        text.lower(), text.lower()
    )
    if folded not in ("debug", "info", "warning", "error", "critical"):
        message = f"unknown level {text!r}; write debug, info, warn or error"
        raise ValueError(message)
    return folded
