"""Exporter `otlp_http` (alias `otlphttp`): sends batches by OTLP over HTTP, protobuf or JSON.

`consume` is one attempt: the pipeline adds queue and retries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ananta._native import OtlpHttpClient
from ananta.config.model import BrokenRule, Duration
from ananta.config.shared import DeliveryConfig, HttpClientConfig
from ananta.config.shared.http import ClientCompression, url_problem
from ananta.exporters.otlp_delivery import USER_AGENT, OtlpExporter, http_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta._native import HttpClientOptions
    from ananta.component import Host, Settings

_OTHER_SIGNALS = ("metrics", "logs", "profiles")


class OtlpHttpConfig(DeliveryConfig, HttpClientConfig):
    """Exporter `otlp_http`."""

    endpoint: str = Field(
        "", description="Base URL; `/v1/traces` is appended, a `/` at its end is tolerated."
    )
    traces_endpoint: str = Field("", description="Whole URL for spans, instead of `endpoint`.")
    metrics_endpoint: str = Field("", description="Accepted; metrics are not sent.")
    logs_endpoint: str = Field("", description="Accepted; logs are not sent.")
    profiles_endpoint: str = Field("", description="Accepted; profiles are not sent.")
    encoding: str = Field("proto", description="`proto` or `json`.")
    timeout: Duration = Field(30.0, description="Time limit of one attempt; 0 means none.")
    compression: ClientCompression = Field("gzip", description="Compression of request bodies.")

    def check(self) -> Iterator[BrokenRule]:
        """There is somewhere to send to, in an encoding there is."""
        yield from super().check()
        if not (self.endpoint or self.traces_endpoint):
            others = [name for name in _OTHER_SIGNALS if getattr(self, f"{name}_endpoint")]
            reason = f"; {others[0]}_endpoint is not for spans" if others else ""
            yield BrokenRule(
                "endpoint",
                f"at least one endpoint must be specified{reason}; write endpoint or"
                " traces_endpoint",
            )
        if self.traces_endpoint and (problem := url_problem(self.traces_endpoint)):
            yield BrokenRule("traces_endpoint", problem)
        if self.encoding not in ("proto", "json"):
            yield BrokenRule(
                "encoding", f"invalid encoding type: {self.encoding}; write proto or json"
            )

    @property
    def url(self) -> str:
        """Where spans are posted to."""
        return self.traces_endpoint or f"{self.endpoint.rstrip('/')}/v1/traces"


class OtlpHttpExporter(OtlpExporter):
    """Delivers each batch in one POST."""

    def __init__(self, config: OtlpHttpConfig, settings: Settings) -> None:
        super().__init__(
            settings,
            config.timeout,
            lambda: OtlpHttpClient(client_options(config)),
            http_error,
        )
        self._keeps_cookies = config.cookies.enabled

    async def start(self, host: Host) -> None:
        """Prepare the client, as `OtlpExporter.start`."""
        if self._keeps_cookies:
            self._settings.log.warning("cookies has no effect: cookies are not kept")
        await super().start(host)


def client_options(config: OtlpHttpConfig) -> HttpClientOptions:
    """What the native client needs to know, defaults applied."""
    return {
        "url": config.url,
        "tls": config.tls,
        "json": config.encoding == "json",
        "compression": config.compression if config.compression not in ("", "none") else None,
        "compression_level": config.compression_params.level or None,
        "headers": [(name, value.get_secret_value()) for name, value in config.headers.items()],
        "user_agent": USER_AGENT,
        "proxy_url": config.proxy_url,
        "http2": config.force_attempt_http2,
        "keep_alives": not config.disable_keep_alives,
        "max_idle_connections": config.max_idle_conns_per_host or config.max_idle_conns or None,
        "max_connections": config.max_conns_per_host or None,
        "idle_timeout_seconds": config.idle_conn_timeout or None,
        "ping_after_seconds": config.http2_read_idle_timeout or None,
        "ping_timeout_seconds": config.http2_ping_timeout or None,
    }
