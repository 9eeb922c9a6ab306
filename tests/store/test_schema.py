"""The schema: made once, migrated step by step, refused when it is newer than the program."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from ananta.errors import StartupError
from ananta.store import schema
from ananta.store.connection import Database
from ananta.store.schema import Migration, migrations, prepare, render

if TYPE_CHECKING:
    from tests.store.conftest import Store

CLUSTER = Database(lambda: pytest.fail("nothing is asked"), "traces", "main")


async def test_preparing_again_changes_nothing(store: Store) -> None:
    await prepare(store.database)
    await asyncio.gather(prepare(store.database), prepare(store.database))
    assert await store.count(schema.VERSION_TABLE) == len(migrations())


async def test_a_schema_newer_than_the_program_is_refused(store: Store) -> None:
    table = store.database.table(schema.VERSION_TABLE)
    await store.database.execute(f"INSERT INTO {table} (version) VALUES (999)")
    with pytest.raises(StartupError, match="schema has version 999, this program knows") as raised:
        await prepare(store.database)
    assert "\n" not in str(raised.value)


async def test_a_schema_from_before_the_first_migration_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Migration(1000, "first", "SELECT 1")
    monkeypatch.setattr(schema, "migrations", lambda: [first])
    with pytest.raises(StartupError, match="can't be migrated; give another database"):
        await prepare(store.database)


async def test_an_older_schema_is_brought_up_step_by_step(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Migration(1000, "add", "ALTER TABLE {spans} ADD COLUMN IF NOT EXISTS extra String")
    two = Migration(1001, "two", "SELECT 1\n;\nALTER TABLE {spans} ADD COLUMN more String")
    steps = [*migrations(), add, two]
    monkeypatch.setattr(schema, "migrations", lambda: steps)
    with pytest.raises(StartupError, match="set create_schema: true"):
        await prepare(store.database, create=False)
    await prepare(store.database)
    rows = await store.database.rows(
        f"SELECT extra, more FROM {store.database.table('spans')} LIMIT 0"
    )
    assert rows == []
    assert await store.count(schema.VERSION_TABLE) == len(steps)


async def test_nothing_is_created_where_that_is_not_allowed(store: Store) -> None:
    empty = Database(lambda: pytest.fail("opened"), "nowhere")
    empty._readers = store.database._readers
    with pytest.raises(StartupError, match="schema has version 0, this program needs"):
        await prepare(empty, create=False)


def test_migrations_are_numbered_without_gaps() -> None:
    versions = [step.version for step in migrations()]
    assert versions == list(range(3, 3 + len(versions)))  # 1 and 2 were never released


def test_on_a_cluster_tables_are_replicated_and_spread() -> None:
    created, spread = render(
        "-- shard by token\nCREATE TABLE IF NOT EXISTS {postings} (token UInt32)"
        "\nENGINE = {AggregatingMergeTree} SETTINGS {deduplication_window} = 5",
        CLUSTER,
    )
    assert "`traces`.`postings_local` ON CLUSTER `main`" in created
    assert (
        "ReplicatedAggregatingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')"
        in created
    )
    assert "SETTINGS replicated_deduplication_window = 5" in created
    assert spread == (
        "CREATE TABLE IF NOT EXISTS `traces`.`postings` ON CLUSTER `main`"
        " AS `traces`.`postings_local`"
        " ENGINE = Distributed(`main`, `traces`, `postings_local`, token)"
    )


async def test_every_statement_for_a_cluster_is_one_clickhouse_understands(store: Store) -> None:
    statements = [statement for step in migrations() for statement in step.statements(CLUSTER)]
    assert len(statements) == 2 * len(schema.TABLES)
    for statement in statements:
        assert await store.database.rows(f"EXPLAIN AST {statement}")
