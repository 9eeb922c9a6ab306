"""The `query` extension: port 16686, where the stored traces are asked for.

It reads through the exporter that stores them, so it needs no address or password of its own. The
server listens from the start; until the exporter has started, questions are answered 503.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field
from starlette.routing import Mount

from ananta.api import ananta_v1
from ananta.api.jaeger_v1 import JaegerV1
from ananta.api.web import create_app
from ananta.config.model import BrokenRule, Config, Duration, RefersTo
from ananta.config.shared import CorsConfig, TlsServerConfig
from ananta.config.shared.endpoint import endpoint_problem
from ananta.errors import RetryableError
from ananta.query import QueryService
from ananta.query.process import ProcessReader
from ananta.telemetry.server import HttpServer
from ananta.telemetry.tls import server_context, unsupported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ananta.component import Host, Settings
    from ananta.query.service import TraceReader


class QueryConfig(Config):
    """Settings of the `query` extension."""

    endpoint: str = Field("localhost:16686", description="Address to listen on, `host:port`.")
    tls: TlsServerConfig | None = Field(None, description="Certificates; absent means no TLS.")
    cors: CorsConfig | None = Field(None, description="Which web pages of other origins may ask.")
    base_path: str = Field(
        "", description="What comes before every path, such as `/tracing`, behind a proxy."
    )
    exporter: Annotated[str, RefersTo("trace store")] = Field(
        "clickhouse", description="Id of the exporter whose stored spans are asked for."
    )
    max_clock_skew_adjust: Duration = Field(
        0.0,
        description="How far a span's times may be moved to lie inside its parent where the clocks"
        " of two hosts disagree; 0 moves nothing.",
    )
    max_request_body_size: int = Field(
        20 * 1024 * 1024, description="Largest request body in bytes.", gt=0
    )
    max_response_size: int = Field(
        128 * 1024 * 1024,
        description="Bytes, before compression, at which an answer is cut after a whole trace.",
        gt=0,
    )

    def check(self) -> Iterator[BrokenRule]:
        """The endpoint and the base path can be served."""
        yield from super().check()
        if problem := endpoint_problem(self.endpoint):
            yield BrokenRule("endpoint", problem)
        if self.base_path.strip("/") and not self.base_path.startswith("/"):
            yield BrokenRule(
                "base_path", f'"{self.base_path}" is no path; write "/{self.base_path}"'
            )
        if self.max_clock_skew_adjust < 0:
            yield BrokenRule(
                "max_clock_skew_adjust", "'max_clock_skew_adjust' must not be negative"
            )
        if self.tls:
            yield from (
                BrokenRule(f"tls::{key}", message) for key, message in unsupported(self.tls)
            )


class QueryExtension:
    """Serves the query API over one exporter's store."""

    def __init__(self, config: QueryConfig, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._server: HttpServer | None = None

    async def start(self, host: Host) -> None:
        """Listen; raises `StartupError` when the port is taken or the exporter does not exist."""
        config = self._config
        exporter = host.exporter(config.exporter)
        service = QueryService(
            lambda: _reader_of(exporter, config.exporter), lambda: host.flush(config.exporter)
        )
        api = JaegerV1(
            service,
            max_clock_skew_seconds=config.max_clock_skew_adjust,
            max_body_bytes=config.max_request_body_size,
            max_response_bytes=config.max_response_size,
        )
        process = ProcessReader(
            self._settings.extra["overview"], self._settings.metrics, service.count_stored_spans
        )
        own = ananta_v1.create_api(
            service, process, max_clock_skew_seconds=config.max_clock_skew_adjust
        )
        app = create_app(
            [Mount(ananta_v1.PATH, own), *api.routes()],
            base_path=config.base_path.rstrip("/"),
            cors=config.cors,
        )
        setting = f"extensions::{self._settings.id}"
        tls = server_context(config.tls, f"{setting}::tls") if config.tls else None
        self._server = HttpServer(app, config.endpoint, f"{setting}::endpoint", tls=tls)
        await self._server.start()

    @property
    def addresses(self) -> dict[str, str]:
        """Where it listens, as a URL."""
        if self._server is None:
            return {}
        scheme = "https" if self._config.tls else "http"
        return {"": f"{scheme}://{self._server.address}"}

    async def shutdown(self) -> None:
        """Stop listening; running requests may end."""
        if self._server is not None:
            await self._server.stop()


def _reader_of(exporter: Any, exporter_id: str) -> TraceReader:
    """The exporter's reader, which is there once the exporter has started."""
    reader: TraceReader | None = getattr(exporter, "reader", None)
    if reader is None:
        message = f'exporter "{exporter_id}" has not opened its store yet; ask again in a moment'
        raise RetryableError(message)
    return reader
