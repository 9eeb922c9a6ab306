"""Bills of materials and catalogues in PostgreSQL."""

from __future__ import annotations

from sqlalchemy import ForeignKey, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload

from app.settings import settings

engine = create_async_engine(settings.DATABASE_URL)
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    """The tables of this service."""


class Bom(Base):
    """A bill of materials of one tenant."""

    __tablename__ = "boms"
    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str]
    name: Mapped[str]
    status: Mapped[str] = mapped_column(default="loaded")
    lines: Mapped[list[BomLine]] = relationship(order_by="BomLine.position")


class BomLine(Base):
    """One component of a bill of materials; the last three are what enrichment finds."""

    __tablename__ = "bom_lines"
    bom_id: Mapped[str] = mapped_column(ForeignKey("boms.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    mpn: Mapped[str]
    manufacturer: Mapped[str]
    quantity: Mapped[int]
    state: Mapped[str] = mapped_column(default="new")
    lifecycle: Mapped[str | None]
    unit_price: Mapped[float | None]


class Category(Base):
    """A category of a tenant's component catalogue."""

    __tablename__ = "categories"
    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)


async def create_tables() -> None:
    """Create what is missing."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)


async def close() -> None:
    """Give the connections back."""
    await engine.dispose()


async def store_bom(bom: Bom) -> None:
    """Store a new bill of materials with its lines."""
    async with sessions.begin() as session:
        session.add(bom)


async def load_bom_from_db(bom_id: str) -> Bom | None:
    """A bill of materials with its lines."""
    async with sessions() as session:
        found = select(Bom).where(Bom.id == bom_id).options(selectinload(Bom.lines))
        bom: Bom | None = await session.scalar(found)
        return bom


async def store_enriched(bom: Bom) -> None:
    """Store what enrichment found."""
    async with sessions.begin() as session:
        await session.merge(bom)


async def store_categories(tenant_id: str, names: list[str]) -> None:
    """Give a tenant these categories; those it has already stay."""
    rows = [{"tenant_id": tenant_id, "name": name} for name in names]
    async with sessions.begin() as session:
        await session.execute(insert(Category).values(rows).on_conflict_do_nothing())
