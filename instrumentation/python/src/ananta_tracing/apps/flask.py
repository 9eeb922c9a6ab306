"""Flask: the WSGI middleware around the application, named by the rule that Flask chose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flask

from ananta_tracing.apps.wsgi import EXCHANGE_KEY, Exchange, TracingWsgi

if TYPE_CHECKING:
    from collections.abc import Iterable


def instrument_flask(app: flask.Flask, exclude_urls: Iterable[str] | None) -> flask.Flask:
    """Instrument a Flask application in place."""
    app.wsgi_app = TracingWsgi(  # type: ignore[method-assign]
        app.wsgi_app, exclude_urls, framework="flask"
    )
    # First of all functions, for those after it may answer the request themselves.
    app.before_request_funcs.setdefault(None, []).insert(0, _note_route)
    flask.got_request_exception.connect(_note_error, app)
    return app


def _note_route() -> None:
    exchange = _exchange()
    if exchange is not None and flask.request.url_rule is not None:
        exchange.route = flask.request.url_rule.rule


def _note_error(_: Any, exception: BaseException, **__: Any) -> None:
    exchange = _exchange()
    if exchange is not None:
        exchange.fail(exception)


def _exchange() -> Exchange | None:
    found = flask.request.environ.get(EXCHANGE_KEY)
    return found if isinstance(found, Exchange) else None
