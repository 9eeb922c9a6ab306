"""The application behind port 16686: the API, and the web UI on every other path.

The UI is a set of built files in the folder `static` beside this file. Its pages are routes of one
document, so a path that is no file is answered with `index.html`. Files below `assets` have a hash
of their content in their name: browsers keep them for good. Without the folder a plain page says
what this is and where the API is.
"""

from __future__ import annotations

import asyncio
import html
import re
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ananta.api.envelope import TRUNCATED_HEADER, accepts_encoding, not_found
from ananta.api.jaeger_v1 import NotFound, bad_request, broken, store_failed
from ananta.api.parameters import ParameterError
from ananta.errors import AnantaError

if TYPE_CHECKING:
    from starlette.routing import BaseRoute
    from starlette.types import Scope

    from ananta.config.shared import CorsConfig

STATIC_DIRECTORY = Path(__file__).parent / "static"
_DOCUMENT = "index.html"
_ASSETS = "assets/"
_FOREVER = "public, max-age=31536000, immutable"
_ASK_EACH_TIME = "no-cache"
# Compressed when the UI was built: what comes first is smaller.
_COMPRESSED = (("br", ".br"), ("gzip", ".gz"))

# What the document may load: our own files, and styles and workers that our scripts make. Pages of
# others may show it in a frame, as they do with Jaeger's.
_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "frame-ancestors *",
    )
)

_PLAIN_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Ananta Tracing</title>
<style>body {{ font: 16px/1.6 system-ui, sans-serif; max-width: 42em; margin: 4em auto; }}</style>
</head>
<body>
<h1>Ananta Tracing</h1>
<p>This is a trace store with the query API of Jaeger. This installation has no web UI; point
Grafana's Jaeger data source, or any other client of that API, at this address.</p>
<ul>
<li><a href="{base}/api/services">{base}/api/services</a>: the services that have sent spans</li>
<li>{base}/api/traces?service=NAME: their newest traces</li>
<li>{base}/api/traces/ID: one trace</li>
</ul>
</body>
</html>
"""


def create_app(
    routes: list[BaseRoute],
    *,
    base_path: str = "",
    cors: CorsConfig | None = None,
    static_directory: Path = STATIC_DIRECTORY,
) -> Starlette:
    """The ASGI application.

    Args:
        routes: the API's routes, which begin with `/api`.
        base_path: what comes before every path, such as `/tracing`; "" for nothing.
        cors: which web pages of other origins may ask.
        static_directory: folder of the built UI; may be missing.
    """
    everything = [*routes, Mount("/", WebUi(static_directory, base_path))]
    if base_path:
        redirect = Route(base_path, lambda _: RedirectResponse(f"{base_path}/", 301))
        everything = [redirect, Mount(base_path, routes=everything), Mount("/", NotFound())]
    app = Starlette(
        routes=everything,
        middleware=[_cors(cors)] if cors and cors.allowed_origins else [],
        exception_handlers={
            ParameterError: bad_request,
            AnantaError: store_failed,
            Exception: broken,
        },
    )
    app.router.redirect_slashes = False
    return app


def _cors(config: CorsConfig) -> Middleware:
    return Middleware(
        CORSMiddleware,
        allow_origin_regex="|".join(_pattern(origin) for origin in config.allowed_origins),
        allow_methods=["GET", "HEAD", "POST"],
        allow_headers=config.allowed_headers,
        expose_headers=[TRUNCATED_HEADER, *config.exposed_headers],
        max_age=config.max_age or 600,
    )


class WebUi(StaticFiles):
    """Files of the built UI, and its document, or the plain page, for every other path.

    Args:
        directory: folder of the files; may be missing.
        base_path: what comes before every path; put into the document's `<base>`.
    """

    def __init__(self, directory: Path, base_path: str) -> None:
        super().__init__(directory=directory, check_dir=False)
        self.config_checked = True
        self._document = directory / _DOCUMENT
        self._base_path = base_path

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file at this path, or the document; an asset that is not there is 404."""
        response = await self._file(path, scope)
        if response is None:
            if path.startswith(_ASSETS):
                return not_found()
            response = HTMLResponse(await asyncio.to_thread(self._page))
            response.headers["Content-Security-Policy"] = _CONTENT_SECURITY_POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        is_asset = path.startswith(_ASSETS)
        response.headers["Cache-Control"] = _FOREVER if is_asset else _ASK_EACH_TIME
        return response

    async def _file(self, path: str, scope: Scope) -> Response | None:
        """The file at this path, compressed where it is there so; None for the document."""
        if path in (".", _DOCUMENT):
            return None
        for coding, suffix in _COMPRESSED:
            if accepts_encoding(Headers(scope=scope), coding):
                response = await self._existing(path + suffix, scope)
                if response is not None:
                    response.headers["Content-Encoding"] = coding
                    response.headers["Vary"] = "Accept-Encoding"
                    return response
        response = await self._existing(path, scope)
        if response is not None:
            response.headers["Vary"] = "Accept-Encoding"
        return response

    async def _existing(self, path: str, scope: Scope) -> Response | None:
        try:
            return await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != HTTPStatus.NOT_FOUND:
                raise
            return None

    def _page(self) -> str:
        base = html.escape(self._base_path)
        if not self._document.is_file():
            return _PLAIN_PAGE.format(base=base)
        page = self._document.read_text(encoding="utf-8")
        return page.replace('<base href="/"', f'<base href="{base}/"', 1)


def _pattern(origin: str) -> str:
    return ".*".join(re.escape(part) for part in origin.split("*"))
