"""Numbered migrations: the tables as this program needs them, whatever made them before."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from ananta.errors import StartupError
from ananta.store.connection import Code, StoreError, quote_name

if TYPE_CHECKING:
    from ananta.store.connection import Database

TABLES = ("spans", "postings", "operations", "attribute_keys", "origins")
VERSION_TABLE = "schema_version"

_SHARD_BY = re.compile(r"^-- shard by (.+)$", re.MULTILINE)
_CREATE_VERSION_TABLE = """-- shard by 1
CREATE TABLE IF NOT EXISTS {schema_version}
(
    version UInt32,
    applied_at DateTime('UTC') DEFAULT now()
)
ENGINE = {MergeTree}
ORDER BY version"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; `sql` may hold several statements."""

    version: int
    name: str
    sql: str

    def statements(self, database: Database) -> list[str]:
        """What to run on this database, in order."""
        parts = re.split(r"^;$", self.sql, flags=re.MULTILINE)
        return [line for part in parts for line in render(part.strip(), database)]


def migrations() -> list[Migration]:
    """Every step there is, in order."""
    found = []
    for file in files("ananta.store.migrations").iterdir():
        if file.name.endswith(".sql"):
            number, _, name = file.name.removesuffix(".sql").partition("_")
            found.append(Migration(int(number), name, file.read_text("utf-8")))
    return sorted(found, key=lambda migration: migration.version)


def render(statement: str, database: Database) -> list[str]:
    """A statement of a migration as SQL; two where a cluster needs a Distributed table."""
    replicated = "Replicated" if database.cluster else ""
    arguments = "('/clickhouse/tables/{uuid}/{shard}', '{replica}')" if replicated else ""
    window = "replicated" if replicated else "non_replicated"
    words = {"deduplication_window": f"{window}_deduplication_window"}
    for table in (*TABLES, VERSION_TABLE):
        words[table] = f"{database.local_table(table)} {database.on_cluster}".strip()
    for engine in ("MergeTree", "ReplacingMergeTree", "AggregatingMergeTree"):
        words[engine] = f"{replicated}{engine}{arguments}"
    names = re.findall(r"\{(\w+)\}", statement)
    sql = re.sub(r"\{(\w+)\}", lambda found: words[found[1]], statement)
    shard_by = _SHARD_BY.search(statement)
    if not (database.cluster and shard_by):
        return [sql]
    table = names[0]
    place = ", ".join(map(quote_name, (database.cluster, database.name, f"{table}_local")))
    distributed = (
        f"CREATE TABLE IF NOT EXISTS {database.table(table)} {database.on_cluster}"
        f" AS {database.local_table(table)} ENGINE = Distributed({place}, {shard_by[1]})"
    )
    return [sql, distributed]


async def prepare(database: Database, *, create: bool = True) -> None:
    """Bring the schema up to what this program needs.

    Args:
        database: where.
        create: make and change tables; without it they must be there already.

    Raises:
        StartupError: the schema is newer than the program, or may not be created and is missing
            or old.
        StoreError: ClickHouse can't be reached or refuses.
    """
    steps = migrations()
    newest = steps[-1].version
    present = await _present_version(database)
    if present > newest:
        message = (
            f"the store's schema has version {present}, this program knows {newest};"
            " update the program, or give it another database or data_dir"
        )
        raise StartupError(message)
    if present == newest:
        return
    if 0 < present < steps[0].version:
        message = (
            f"the store's schema has version {present}, of a program before its first release,"
            " and can't be migrated; give another database or data_dir"
        )
        raise StartupError(message)
    if not create:
        message = (
            f"the store's schema has version {present}, this program needs {newest};"
            " set create_schema: true, or run the migrations yourself"
        )
        raise StartupError(message)
    if present == 0:
        create_database = f"CREATE DATABASE IF NOT EXISTS {quote_name(database.name)}"
        await database.execute(f"{create_database} {database.on_cluster}")
        for statement in render(_CREATE_VERSION_TABLE, database):
            await database.execute(statement)
    for step in steps:
        if step.version > present:
            for statement in step.statements(database):
                await database.execute(statement)
            version_table = database.table(VERSION_TABLE)
            await database.execute(f"INSERT INTO {version_table} (version) VALUES ({step.version})")


async def _present_version(database: Database) -> int:
    """The newest version applied; 0 for a database without tables."""
    try:
        rows = await database.rows(f"SELECT max(version) FROM {database.table(VERSION_TABLE)}")
    except StoreError as error:
        if error.code in (Code.UNKNOWN_TABLE, Code.UNKNOWN_DATABASE):
            return 0
        raise
    return int(rows[0][0])
