"""Extension `zpages`: pages about the running process, for people and for `curl`.

`/debug/tracez` answers the first question of anyone who misses spans: whether any arrive, and how
far they come. It shows, for each component, how many spans it has taken, how long that took and
what went wrong.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic import Field
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.routing import Route

from ananta.component import Kind
from ananta.config.model import BrokenRule, Config, format_duration, mask_url_passwords
from ananta.config.shared.endpoint import endpoint_problem
from ananta.telemetry.operations import LATENCY_BOUNDS_SECONDS
from ananta.telemetry.process import read_memory
from ananta.telemetry.server import HttpServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from ananta.component import Host, Settings
    from ananta.telemetry.operations import Operation, Sample
    from ananta.telemetry.overview import Overview

_STYLE = (
    "body{font:14px system-ui,sans-serif;margin:2em}table{border-collapse:collapse;margin:1em 0}"
    "td,th{border:1px solid #bbb;padding:.3em .6em;text-align:left;vertical-align:top}"
    "th{background:#eee}.n{text-align:right;font-variant-numeric:tabular-nums}"
)
_PAGES = ("servicez", "pipelinez", "extensionz", "featurez", "tracez")


class ExpvarConfig(Config):
    """Variables of the process as JSON."""

    enabled: bool = Field(False, description="Serve `/debug/expvarz`.")


class ZpagesConfig(Config):
    """Settings of the extension `zpages`."""

    endpoint: str = Field("localhost:55679", description="Address to listen on, `host:port`.")
    expvar: ExpvarConfig = Field(ExpvarConfig(), description="Variables of the process as JSON.")

    def check(self) -> Iterator[BrokenRule]:
        """The endpoint can be served."""
        yield from super().check()
        if not self.endpoint:
            yield BrokenRule("endpoint", '"endpoint" is required when using the "zpages" extension')
        elif problem := endpoint_problem(self.endpoint):
            yield BrokenRule("endpoint", problem)


class ZpagesExtension:
    """Serves the pages."""

    def __init__(self, config: ZpagesConfig, settings: Settings) -> None:
        setting = f"extensions::{settings.id}::endpoint"
        app = create_app(settings.extra["overview"], with_variables=config.expvar.enabled)
        self._server = HttpServer(app, config.endpoint, setting)

    async def start(self, host: Host) -> None:  # noqa: ARG002
        """Listen; raises `StartupError` when the port is taken."""
        await self._server.start()

    @property
    def addresses(self) -> dict[str, str]:
        """Where it listens."""
        return {"": self._server.address}

    async def shutdown(self) -> None:
        """Stop listening."""
        await self._server.stop()


def create_app(overview: Overview, *, with_variables: bool) -> Starlette:
    """The pages about one process."""
    pages = Pages(overview)

    async def index(_request: Request) -> Response:
        return RedirectResponse("/debug/servicez")

    routes = [Route("/", index), Route("/debug", index)]
    routes += [Route(f"/debug/{name}", getattr(pages, f"show_{name}")) for name in _PAGES]
    if with_variables:
        routes.append(Route("/debug/expvarz", pages.show_expvarz))
    return Starlette(routes=routes)


class Pages:
    """One method a page."""

    def __init__(self, overview: Overview) -> None:
        self._overview = overview

    async def show_servicez(self, _request: Request) -> Response:
        """Build and runtime information, and links to the other pages."""
        overview = self._overview
        started = datetime.fromtimestamp(overview.started_at, UTC)
        uptime = format_duration(round(time.time() - overview.started_at))
        build = {"Command": "ananta", "Version": overview.version}
        runtime = {
            "Start time": f"{started:%Y-%m-%d %H:%M:%S} UTC",
            "Uptime": uptime,
            "Ready": "yes" if overview.ready_since else "no",
            "Python": platform.python_version(),
            "System": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
            "Process id": os.getpid(),
        }
        links = "".join(f"<li><a href='/debug/{page}'>{page}</a></li>" for page in _PAGES[1:])
        return _page(
            "Service",
            f"<ul>{links}</ul>",
            _table(("Build", ""), build.items()),
            _table(("Runtime", ""), runtime.items()),
        )

    async def show_pipelinez(self, request: Request) -> Response:
        """The pipelines, or the settings of one component of one."""
        asked = request.query_params
        if component_id := asked.get("componentnamez"):
            kind = f"{asked.get('componentkindz', 'receiver')}s"
            return self._show_component(kind, component_id)
        rows = []
        for name, pipeline in self._overview.config.service.pipelines.items():
            if asked.get("pipelinenamez", name) == name:
                cells = [
                    _links(name, kind, getattr(pipeline, f"{kind}s"))
                    for kind in ("receiver", "processor", "exporter")
                ]
                rows.append([escape(name), "traces", *cells])
        header = ("Pipeline", "Type", "Receivers", "Processors", "Exporters")
        return _page("Pipelines", _raw_table(header, rows))

    async def show_extensionz(self, request: Request) -> Response:
        """The running extensions, or the settings of one."""
        if component_id := request.query_params.get("zextensionname"):
            return self._show_component(Kind.EXTENSION.value, component_id)
        extensions = self._overview.config.service.extensions
        rows = [[_link("zextensionname", name)] for name in extensions]
        return _page("Extensions", _raw_table(("Extension",), rows))

    async def show_featurez(self, _request: Request) -> Response:
        """Feature gates, of which this program has none."""
        return _page("Feature gates", "<p>This program has no feature gates.</p>")

    async def show_tracez(self, request: Request) -> Response:
        """What every component has been doing, or the latest runs of one."""
        if self._overview.config.service.telemetry.traces.level == "none":
            return _page("Operations", "<p>service::telemetry::traces::level is none.</p>")
        operations = self._overview.operations.all()
        if name := request.query_params.get("zspanname"):
            found = [operation for operation in operations if operation.name == name]
            return _show_operation(found[0]) if found else _not_found(name)
        header = ["Component", "Spans", "Running"]
        header += [f">{_bound(bound)}" for bound in LATENCY_BOUNDS_SECONDS]
        header.append("Errors")
        rows = [
            [
                _link("zspanname", operation.name),
                *map(_number, (operation.spans, operation.running)),
                *map(_number, operation.counts),
                _number(operation.num_errors),
            ]
            for operation in operations
        ]
        about = (
            "<p>How many batches each component has taken, by how long it took, with what comes"
            " after it. No spans at the receivers means that none arrive.</p>"
        )
        return _page("Operations", about, _raw_table(header, rows))

    async def show_expvarz(self, _request: Request) -> Response:
        """Variables of the process as JSON."""
        memory = read_memory()._asdict()
        return JSONResponse({"cmdline": sys.argv, "memory": memory})

    def _show_component(self, section: str, component_id: str) -> Response:
        config = self._overview.config
        known = {kind.value: config.components(kind) for kind in Kind}
        settings = known.get(section, {}).get(component_id) or config.connectors.get(component_id)
        if settings is None:
            return _not_found(component_id)
        return _page(
            component_id, _table(("Setting", "Value"), _flat(settings.model_dump(mode="json")))
        )


def _show_operation(operation: Operation) -> Response:
    header = ("When", "Latency", "Spans", "Error")
    latest = [operation.latest[bucket] for bucket in sorted(operation.latest)]
    return _page(
        operation.name,
        "<h2>Latest by latency</h2>",
        _table(header, map(_sample_cells, latest)),
        "<h2>Latest errors</h2>",
        _table(header, map(_sample_cells, reversed(operation.errors))),
    )


def _sample_cells(sample: Sample) -> tuple[object, ...]:
    ended = datetime.fromtimestamp(sample.ended_at, UTC)
    latency = format_duration(round(sample.seconds, 6))
    return f"{ended:%Y-%m-%d %H:%M:%S}", latency, sample.spans, sample.error


def _bound(seconds: float) -> str:
    return format_duration(seconds)


def _number(value: int) -> str:
    return f"<span class=n>{value}</span>"


def _link(key: str, name: str) -> str:
    return f"<a href='?{key}={quote(name, safe='')}'>{escape(name)}</a>"


def _links(pipeline: str, kind: str, component_ids: Sequence[str]) -> str:
    query = f"?pipelinenamez={quote(pipeline, safe='')}&componentkindz={kind}&componentnamez="
    return "<br>".join(
        f"<a href='{escape(query)}{quote(name, safe='')}'>{escape(name)}</a>"
        for name in component_ids
    )


def _flat(settings: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Nested settings as `key::key` and value."""
    if isinstance(settings, dict) and settings:
        for key, value in settings.items():
            yield from _flat(value, f"{path}::{key}" if path else str(key))
    else:
        yield path, mask_url_passwords(settings) if isinstance(settings, str) else settings


def _table(header: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    return _raw_table(header, [[escape(str(cell)) for cell in row] for row in rows])


def _raw_table(header: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>\n{body}</table>"


def _page(title: str, *parts: str) -> Response:
    body = "\n".join(parts)
    return HTMLResponse(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>\n{body}\n</html>\n"
    )


def _not_found(name: str) -> Response:
    response = _page("Not found", f"<p>There is no {escape(name)} here.</p>")
    response.status_code = 404
    return response
