"""The description of our own API in docs/ is the one the application gives."""

from __future__ import annotations

import json
from pathlib import Path

from ananta.api.ananta_v1 import describe

DOCUMENT = Path(__file__).parents[3] / "docs" / "openapi.json"


def test_document_is_up_to_date():
    assert json.loads(DOCUMENT.read_text()) == json.loads(json.dumps(describe())), "run `make docs`"


def test_every_route_and_field_is_described():
    document = describe()
    routes = [route for path in document["paths"].values() for route in path.values()]
    assert routes
    assert all(route["description"] for route in routes)
    assert all(
        parameter["description"] for route in routes for parameter in route.get("parameters", [])
    )
