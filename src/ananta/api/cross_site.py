"""Requests that change something come from our own pages and from programs, never other sites.

A browser lets every page send a POST anywhere, and says where the page is from: in
`Sec-Fetch-Site`, which no page can set, and where that is missing, as over plain HTTP, in `Origin`.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.requests import Request  # noqa: TC002, FastAPI reads it

_OWN = ("same-origin", "none")


def refuse_cross_site(request: Request) -> None:
    """For `Depends`: answers 403 to a request that a page of another origin has caused."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        refused = site not in _OWN
    elif origin is not None:
        # A proxy may put its own name into `host` and the asked one into `x-forwarded-host`.
        names = (request.headers.get(name) for name in ("host", "x-forwarded-host"))
        refused = urlsplit(origin).netloc not in filter(None, names)
    else:
        refused = False
    if refused:
        message = (
            f"this request comes from a page of another site ({origin or site}) and is refused;"
            " send it from Ananta's own pages, or from a program that is no browser"
        )
        raise HTTPException(403, message)
