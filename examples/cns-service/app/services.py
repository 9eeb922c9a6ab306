"""The other services this one asks. The trace goes along in the headers of each request."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import httpx

from app.settings import settings

_client = httpx.AsyncClient(timeout=10)


class ServiceFailedError(Exception):
    """Another service could not answer."""


@dataclass(frozen=True)
class Component:
    """What enrichment-service knows of a component."""

    mpn: str
    lifecycle: str
    unit_price: float


async def lookup_component(mpn: str, manufacturer: str) -> Component | None:
    """Ask enrichment-service; None when nobody knows the component."""
    url = f"{settings.ENRICHMENT_URL}/components/{quote(mpn, safe='')}"
    answer = await _client.get(url, params={"manufacturer": manufacturer})
    if answer.status_code == httpx.codes.NOT_FOUND:
        return None
    if answer.is_error:
        message = f"enrichment-service answered {answer.status_code} for {mpn}"
        raise ServiceFailedError(message)
    found = answer.json()
    return Component(mpn, found["lifecycle"], found["unit_price"])


async def find_tenant(tenant_id: str) -> dict[str, str] | None:
    """Ask tenant-management-service; None when there is no such tenant."""
    answer = await _client.get(f"{settings.TENANT_MANAGEMENT_URL}/tenants/{quote(tenant_id)}")
    if answer.status_code == httpx.codes.NOT_FOUND:
        return None
    if answer.is_error:
        message = f"tenant-management-service answered {answer.status_code}"
        raise ServiceFailedError(message)
    tenant: dict[str, str] = answer.json()
    return tenant


async def close() -> None:
    """Give the connections back."""
    await _client.aclose()
