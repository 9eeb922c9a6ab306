"""The template of the route a request took in FastAPI or Starlette, such as `/boms/{bom_id}`.

The router leaves its choice in the scope. Releases that do not, and applications mounted below
another one, are matched again from the top, as the router did.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, MutableMapping

_PARTIAL, _FULL = 1, 2
"""Values of `starlette.routing.Match`."""


def find_route(
    scope: MutableMapping[str, Any],
    root_path: str,
    routes_of: Callable[[], Iterable[Any]] | None,
) -> str | None:
    """The template of the route, None where no route matched; never raises.

    Args:
        scope: the ASGI scope after the application has seen it.
        root_path: its `root_path` before.
        routes_of: gives the routes of the application.
    """
    route = scope.get("route")
    if route is not None and scope.get("root_path", "") == root_path:
        path = _template(scope, route)
        if path is not None:
            return path
    if routes_of is None:
        return None
    # What mounts have added to the scope is taken back for the search.
    again = {**scope, "root_path": root_path}
    for key in ("route", "endpoint", "path_params", "fastapi"):
        again.pop(key, None)
    try:
        return _search(routes_of(), again)
    except Exception:  # noqa: BLE001 - routes of an application may be of any class
        return None


def _template(scope: MutableMapping[str, Any], route: Any) -> str | None:
    # A router included in FastAPI knows its prefix; the route itself does not.
    included = scope.get("fastapi", {}).get("effective_route_context")
    if included is not None and getattr(included, "original_route", None) is route:
        route = included
    path: str | None = getattr(route, "path", None)
    return path


def _search(routes: Iterable[Any], scope: MutableMapping[str, Any]) -> str | None:
    partial: str | None = None
    for route in _flat(routes):
        match, child_scope = route.matches(scope)
        if match.value == _FULL:
            return _below(route, {**scope, **child_scope})
        if match.value == _PARTIAL and partial is None:
            partial = getattr(route, "path", None)
    return partial


def _below(route: Any, scope: MutableMapping[str, Any]) -> str | None:
    path: str | None = getattr(route, "path", None)
    mounted = getattr(route, "app", None)
    if path is None or getattr(route, "routes", None) is None or mounted is None:
        return path
    below = _search(route.routes or (), scope)
    return path if below is None else path + below


def _flat(routes: Iterable[Any]) -> Iterable[Any]:
    """The routes with those of included routers, as FastAPI 0.137 and later keep them apart."""
    routing = sys.modules.get("fastapi.routing")
    flatten = getattr(routing, "iter_route_contexts", None)
    return routes if flatten is None else flatten(routes)
