"""Components: first from PostgreSQL, then from the distributor, whose answer is kept."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import httpx
from ananta_tracing import add_span_attributes, add_span_event, create_span, trace_function
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ATTEMPTS = 2
PAUSE_SECONDS = 0.05


class DistributorFailedError(Exception):
    """The distributor did not answer, however often asked."""


class Base(DeclarativeBase):
    """The tables of this service."""


class Component(Base):
    """A component as the distributor described it."""

    __tablename__ = "components"
    mpn: Mapped[str] = mapped_column(primary_key=True)
    manufacturer: Mapped[str] = mapped_column(primary_key=True)
    lifecycle: Mapped[str]
    unit_price: Mapped[float]
    stock: Mapped[int]


class Components:
    """What is known of components."""

    def __init__(self, database_url: str, distributor_url: str) -> None:
        self._engine = create_async_engine(database_url)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._distributor = httpx.AsyncClient(base_url=distributor_url, timeout=5)

    async def open(self) -> None:
        """Create the table if it is missing."""
        async with self._engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)

    async def close(self) -> None:
        """Give the connections back."""
        await self._distributor.aclose()
        await self._engine.dispose()

    async def find(self, mpn: str, manufacturer: str) -> Component | None:
        """A component; None when neither we nor the distributor know it."""
        async with self._sessions() as session:
            known = await session.get(Component, (mpn, manufacturer))
        add_span_attributes({"component.stored": known is not None})
        if known is not None:
            return known
        asked = await self._ask_distributor(mpn)
        if asked is None:
            return None
        values = {"mpn": mpn, "manufacturer": manufacturer, **asked}
        async with self._sessions.begin() as session:
            await session.execute(insert(Component).values(values).on_conflict_do_nothing())
        return Component(**values)

    @trace_function(name="ask_distributor")
    async def _ask_distributor(self, mpn: str) -> dict[str, object] | None:
        """Ask, and ask again after a pause; each attempt is a span, each failure an event."""
        for attempt in range(1, ATTEMPTS + 1):
            with create_span("attempt", attributes={"retry.attempt": attempt}) as span:
                answer = await self._distributor.get(f"/parts/{quote(mpn, safe='')}")
                span.set_attribute("distributor.status", answer.status_code)
            if answer.status_code == httpx.codes.NOT_FOUND:
                return None
            if answer.is_success:
                part: dict[str, object] = answer.json()
                return part
            add_span_event("distributor_failed", {"attempt": attempt})
            await asyncio.sleep(PAUSE_SECONDS * attempt)
        message = f"the distributor answered {answer.status_code} {ATTEMPTS} times for {mpn}"
        raise DistributorFailedError(message)
