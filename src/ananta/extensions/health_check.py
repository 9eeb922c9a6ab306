"""Extension `health_check`: says over HTTP whether every component runs.

Ready means: everything has started and nothing stops yet. With the default path every path
answers, `/health` too.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from starlette.responses import Response

from ananta.config.model import NULL_MEANS_DEFAULTS, BrokenRule, Config, Duration, format_duration
from ananta.config.shared import TlsServerConfig
from ananta.config.shared.endpoint import endpoint_problem
from ananta.telemetry.server import HttpServer
from ananta.telemetry.tls import server_context, unsupported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Scope, Send

    from ananta.component import Host, Settings
    from ananta.telemetry.overview import Overview


class ResponseBodyConfig(Config):
    """Texts to answer instead of the JSON ones."""

    healthy: str = Field("", description="Answer when ready; empty is the JSON answer.")
    unhealthy: str = Field("", description="Answer when not ready; empty is the JSON answer.")


class CheckPipelineConfig(Config):
    """A check the Collector has given up; these keys change nothing."""

    enabled: bool = Field(False, description="Accepted and without effect.")
    interval: Duration = Field(300.0, description="Accepted and without effect.")
    exporter_failure_threshold: int = Field(5, description="Accepted and without effect.")

    def check(self) -> Iterator[BrokenRule]:
        """The number is positive all the same."""
        yield from super().check()
        if self.exporter_failure_threshold <= 0:
            yield BrokenRule(
                "exporter_failure_threshold",
                "bad config: exporter_failure_threshold expects a positive number",
            )


class HealthCheckConfig(Config):
    """Settings of the extension `health_check`."""

    endpoint: str = Field("localhost:13133", description="Address to listen on, `host:port`.")
    path: str = Field("/", description="Path that answers; `/` means every path.")
    tls: TlsServerConfig | None = Field(None, description="Certificates; absent means no TLS.")
    response_body: Annotated[ResponseBodyConfig | None, NULL_MEANS_DEFAULTS] = Field(
        None, description="Texts to answer instead of the JSON ones."
    )
    check_collector_pipeline: CheckPipelineConfig = Field(
        CheckPipelineConfig(), description="Accepted and without effect."
    )

    def check(self) -> Iterator[BrokenRule]:
        """Endpoint and path can be served."""
        yield from super().check()
        if not self.endpoint:
            yield BrokenRule("endpoint", "bad config: endpoint must be specified")
        elif problem := endpoint_problem(self.endpoint):
            yield BrokenRule("endpoint", problem)
        if not self.path.startswith("/"):
            yield BrokenRule(
                "path",
                f'bad config: path must start with /, got "{self.path}"; write "/{self.path}"',
            )
        if self.tls:
            for key, message in unsupported(self.tls):
                yield BrokenRule(f"tls::{key}", message)


class HealthCheckExtension:
    """Answers 200 when ready and 503 when not."""

    def __init__(self, config: HealthCheckConfig, settings: Settings) -> None:
        self._config = config
        self._overview: Overview = settings.extra["overview"]
        self._setting = f"extensions::{settings.id}"
        self._server: HttpServer | None = None

    async def start(self, host: Host) -> None:  # noqa: ARG002
        """Listen; raises `StartupError` when the port is taken or a certificate is no good."""
        config, setting = self._config, self._setting
        tls = server_context(config.tls, f"{setting}::tls") if config.tls else None
        self._server = HttpServer(self._answer, config.endpoint, f"{setting}::endpoint", tls=tls)
        await self._server.start()

    @property
    def addresses(self) -> dict[str, str]:
        """Where it listens."""
        return {"": self._server.address if self._server else self._config.endpoint}

    async def shutdown(self) -> None:
        """Stop listening."""
        if self._server is not None:
            await self._server.stop()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The whole application: any method, no other path."""
        if self._config.path not in ("/", scope["path"]):
            response = Response("404 page not found\n", 404, media_type="text/plain")
        else:
            ready_since = self._overview.ready_since
            response = Response(
                self._body(ready_since),
                200 if ready_since else 503,
                media_type="text/plain" if self._text(ready_since) else "application/json",
            )
        await response(scope, receive, send)

    def _text(self, ready_since: float | None) -> str:
        texts = self._config.response_body or ResponseBodyConfig()
        return texts.healthy if ready_since else texts.unhealthy

    def _body(self, ready_since: float | None) -> str:
        if text := self._text(ready_since):
            return text
        if ready_since is None:
            status, since, uptime = "Server not available", "0001-01-01T00:00:00Z", ""
        else:
            status = "Server available"
            since = datetime.fromtimestamp(ready_since, UTC).isoformat().replace("+00:00", "Z")
            uptime = format_duration(time.time() - ready_since)
        return json.dumps({"status": status, "upSince": since, "uptime": uptime})
