"""The HTTP API. Each route names the business in span attributes: whose, which, how many."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from app import database
from app.enrichment import process_bom
from app.observability.tracing import add_span_attributes, add_span_event
from app.services import ServiceFailedError, find_tenant

routes = APIRouter()
CATEGORIES = {
    "standard": ["resistor", "capacitor", "connector"],
    "premium": ["resistor", "capacitor", "connector", "microcontroller", "power", "sensor"],
}


class Line(BaseModel):
    """One component as the tenant writes it."""

    mpn: str
    manufacturer: str
    quantity: int = Field(gt=0)


class NewBom(BaseModel):
    """A bill of materials as the tenant sends it."""

    tenant_id: str
    name: str
    lines: list[Line]


class NewCatalog(BaseModel):
    """Which catalogue a tenant gets."""

    tier: str


@routes.get("/health")
async def health() -> dict[str, str]:
    """Is the service there?"""
    return {"status": "ok"}


@routes.put("/tenants/{tenant_id}/catalog")
async def create_catalog(tenant_id: str, asked: NewCatalog) -> dict[str, Any]:
    """Give a new tenant the categories of its tier."""
    add_span_attributes({"tenant.id": tenant_id, "tenant.tier": asked.tier})
    names = CATEGORIES.get(asked.tier)
    if names is None:
        raise HTTPException(422, f"no catalogue for the tier {asked.tier}")
    await database.store_categories(tenant_id, names)
    add_span_event("catalog_created", {"categories": len(names)})
    return {"tenant_id": tenant_id, "categories": len(names)}


@routes.post("/boms", status_code=201)
async def create_bom(asked: NewBom) -> dict[str, Any]:
    """Store a bill of materials of a tenant that exists."""
    add_span_attributes({"tenant.id": asked.tenant_id, "bom.line_count": len(asked.lines)})
    try:
        tenant = await find_tenant(asked.tenant_id)
    except ServiceFailedError as error:
        raise HTTPException(502, str(error)) from error
    if tenant is None:
        raise HTTPException(404, f"no tenant {asked.tenant_id}")
    bom = database.Bom(id=str(uuid.uuid4()), tenant_id=asked.tenant_id, name=asked.name)
    bom.lines = [
        database.BomLine(position=position, **line.model_dump())
        for position, line in enumerate(asked.lines, start=1)
    ]
    await database.store_bom(bom)
    add_span_attributes({"bom.id": bom.id})
    add_span_event("bom_created", {"bom.id": bom.id})
    return {"bom_id": bom.id, "lines": len(bom.lines)}


@routes.post("/boms/{bom_id}/enrichment")
async def enrich_bom(bom_id: str) -> dict[str, Any]:
    """Look up every component of a bill of materials."""
    enriched = await process_bom(bom_id)
    if enriched is None:
        raise HTTPException(404, f"no bill of materials {bom_id}")
    return asdict(enriched)
