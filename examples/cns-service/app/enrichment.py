"""Enriching a bill of materials: load it, look every component up, store what was found."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass

import httpx

from app import database
from app.observability.tracing import (
    add_span_attributes,
    add_span_event,
    create_span,
    trace_function,
)
from app.services import Component, ServiceFailedError, lookup_component

log = logging.getLogger("cns-service")
AT_ONCE = 4


@dataclass(frozen=True)
class Enriched:
    """How many lines of a bill of materials ended how."""

    bom_id: str
    matched_count: int
    unmatched_count: int
    failed_count: int


@trace_function(
    name="enrich_component",
    attributes={"component.source": "enrichment-service"},
    arguments={"mpn": "component.mpn", "manufacturer": "component.manufacturer"},
)
async def enrich_component(mpn: str, manufacturer: str) -> Component | None:
    """Look a component up; the span says which one, and whether it is known."""
    result = await lookup_component(mpn, manufacturer)
    add_span_attributes({"component.found": result is not None})
    return result


async def process_bom(bom_id: str) -> Enriched | None:
    """Enrich a bill of materials; None when there is none of this id."""
    with create_span("load_bom", attributes={"bom.id": bom_id}) as span:
        bom = await database.load_bom_from_db(bom_id)
        if bom is None:
            return None
        span.set_attribute("bom.line_count", len(bom.lines))

    add_span_attributes({"bom.id": bom_id, "tenant.id": bom.tenant_id})
    with create_span("enrich_lines", attributes={"bom.id": bom_id}) as span:
        enriched = await enrich_all_lines(bom)
        span.set_attribute("enrichment.matched", enriched.matched_count)
        span.set_attribute("enrichment.unmatched", enriched.unmatched_count)
        span.set_attribute("enrichment.failed", enriched.failed_count)

    with create_span("store_bom", attributes={"bom.id": bom_id}):
        bom.status = "enriched" if enriched.failed_count == 0 else "partly enriched"
        await database.store_enriched(bom)
    add_span_event("enrichment_complete", {"bom.status": bom.status})
    return enriched


async def enrich_all_lines(bom: database.Bom) -> Enriched:
    """Look up every line, a few at a time. A line that fails does not fail the others."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def enrich(line: database.BomLine) -> None:
        async with turns:
            await _enrich_line(line)

    await asyncio.gather(*(enrich(line) for line in bom.lines))
    states = Counter(line.state for line in bom.lines)
    return Enriched(bom.id, states["matched"], states["unmatched"], states["failed"])


async def _enrich_line(line: database.BomLine) -> None:
    try:
        component = await enrich_component(line.mpn, line.manufacturer)
    except (ServiceFailedError, httpx.HTTPError) as error:
        # The span of this component has the status ERROR; here it is one line of many.
        line.state = "failed"
        add_span_event("line_failed", {"component.mpn": line.mpn, "reason": str(error)})
        log.warning("line %s of %s not enriched: %s", line.position, line.bom_id, error)
    else:
        line.state = "unmatched" if component is None else "matched"
        if component is not None:
            line.lifecycle, line.unit_price = component.lifecycle, component.unit_price
