"""How services and their operations do, counted from the spans themselves whenever it is asked.

Every question reads the minutes of its window and nothing else, and lets the engine group by class
of duration (`ananta.model.statistics`), because not every build of ClickHouse has quantiles that
merge. A span that was delivered twice counts twice.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from ananta.model.filter import KINDS
from ananta.model.statistics import (
    CLASSES_PER_DOUBLING,
    MAX_NANOS,
    OperationStatistics,
    SeenResource,
    ServiceStatistics,
    SpanReference,
    SpanStatistics,
)
from ananta.store.conditions import service_token
from ananta.store.connection import quote, text_of
from ananta.store.search import (
    HAS_NO_PARENT,
    IS_ERROR,
    PLACES_IN_MINUTE,
    SPAN_IDS,
    in_minutes,
    minute_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ananta.store.connection import Database

IS_REQUEST = f"(kind IN ({KINDS.index('server')}, {KINDS.index('consumer')}))"
"""SQL: a row of `spans` is a service's answer to somebody else."""
DURATION = f"toUInt64(least(greatest(duration_nano, 0), {MAX_NANOS}))"
"""SQL: how long a row of `spans` took, in nanoseconds."""
DURATION_CLASS = f"toUInt16(floor(log2({DURATION} + 1) * {CLASSES_PER_DOUBLING}))"
"""SQL: the class of duration of a row of `spans`, as `SpanStatistics.add` takes it."""

COUNTED = (
    f"{DURATION_CLASS} AS class, count() AS spans, countIf{IS_ERROR} AS errors,"
    f" sum({DURATION}) AS total, min({DURATION}) AS shortest, max({DURATION}) AS longest"
)
"""SQL: of rows of `spans` grouped by `class`, what `SpanStatistics.add` takes."""

# What a span is to its service: something within, a beginning of its own, or a request.
_ROLE = f"multiIf({IS_REQUEST}, 2, {HAS_NO_PARENT}, 1, 0)"
_ROOT, _REQUEST = 1, 2
# A service's newest span is looked for in the last minutes that have any: in the very last one
# all may begin after the window.
_LAST_MINUTES = 2


class Window(NamedTuple):
    """First and last start of spans in Unix nanoseconds, both inclusive."""

    start: int
    end: int

    @property
    def starts(self) -> str:
        """SQL: a row of `spans` starts in the window."""
        return f"start_time_unix_nano BETWEEN {self.start} AND {self.end}"

    @property
    def condition(self) -> str:
        """The same for the whole table: only the window's minutes are read."""
        return f"{in_minutes(minute_of(self.start), minute_of(self.end))} AND {self.starts}"


async def count_services(database: Database, window: Window) -> dict[bytes, ServiceStatistics]:
    """What each service with spans in the window did."""
    rows = await database.rows(
        f"SELECT service, {_ROLE} AS role, max(start_time_unix_nano), {COUNTED}"
        f" FROM {database.table('spans')} PREWHERE {window.condition}"
        " GROUP BY service, role, class"
    )
    found: defaultdict[bytes, ServiceStatistics] = defaultdict(ServiceStatistics)
    by_role: defaultdict[tuple[bytes, int], SpanStatistics] = defaultdict(SpanStatistics)
    for service, role, last, *counted in rows:
        newest = max(found[service].last_start_unix_nano, last)
        found[service].last_start_unix_nano = newest
        by_role[service, role].add(*counted)
    for (service, _), statistics in by_role.items():
        found[service].spans += statistics.spans
    for service in found:
        role = _REQUEST if (service, _REQUEST) in by_role else _ROOT
        found[service].requests = by_role[service, role]
    return dict(found)


async def count_requests(database: Database, window: Window, parts: int) -> dict[bytes, list[int]]:
    """Requests of each service in each of so many equal parts of the window, oldest first."""
    width = max(-(-(window.end - window.start) // parts), 1)
    rows = await database.rows(
        f"SELECT service, {_ROLE} AS role, {_step(window, width, parts)} AS part, count()"
        f" FROM {database.table('spans')} PREWHERE {window.condition}"
        " GROUP BY service, role, part HAVING role > 0"
    )
    requests: dict[tuple[bytes, int], list[int]] = {}
    for service, role, part, count in rows:
        requests.setdefault((service, role), [0] * parts)[part] = count
    return {
        service: counts
        for (service, role), counts in requests.items()
        if role == _REQUEST or (service, _REQUEST) not in requests
    }


async def count_operations(
    database: Database, window: Window, service: str, kind: str, limit: int
) -> list[OperationStatistics]:
    """What operations of a service did, those with the largest sum of durations first.

    Args:
        database: where the spans are.
        window: when they start.
        service: its exact name.
        kind: one of `KINDS`; "" for all.
        limit: most operations to tell of.
    """
    rows = await database.rows(
        "SELECT name, known_kind, argMax(slowest, longest), argMax(failed, newest),"
        " groupArray(class), groupArray(spans), groupArray(errors), groupArray(total),"
        " groupArray(shortest), groupArray(longest)"
        f" FROM (SELECT name, if(kind BETWEEN 1 AND {len(KINDS) - 1}, kind, 0) AS known_kind,"
        f" {COUNTED}, argMax({SPAN_IDS}, {DURATION}) AS slowest,"
        f" argMaxIf({SPAN_IDS}, start_time_unix_nano, {IS_ERROR}) AS failed,"
        f" maxIf(start_time_unix_nano, {IS_ERROR}) AS newest"
        f" FROM {database.table('spans')} PREWHERE {window.condition}"
        f" AND service = {quote(service)}{_of_kind(kind)}"
        " GROUP BY name, known_kind, class)"
        f" GROUP BY name, known_kind ORDER BY sum(total) DESC, name, known_kind LIMIT {limit}"
    )
    found = []
    for name, number, slowest, failed, *columns in rows:
        calls = SpanStatistics()
        for counted in zip(*columns, strict=True):
            calls.add(*counted)
        kind_name = KINDS[number] if number else ""
        slowest_span = SpanReference.of(slowest)
        failed_span = SpanReference.of(failed) if calls.errors else None
        found.append(
            OperationStatistics(text_of(name), kind_name, calls, slowest_span, failed_span)
        )
    return found


async def count_steps(
    database: Database,
    window: Window,
    service: str,
    operation: str,
    kind: str,
    step_nanos: int,
) -> list[SpanStatistics]:
    """What a service did in each step of the window.

    Args:
        database: where the spans are.
        window: when they start; its first step begins with it.
        service: its exact name.
        operation: exact name of the spans; "" for all.
        kind: one of `KINDS`; "" for all, and without operation for the requests alone.
        step_nanos: length of a step; the last one may be shorter.
    """
    count = max(-(-(window.end - window.start) // step_nanos), 1)
    role = "0" if operation or kind else _ROLE
    named = f" AND name = {quote(operation)}" if operation else ""
    rows = await database.rows(
        f"SELECT {role} AS role, {_step(window, step_nanos, count)} AS step, {COUNTED}"
        f" FROM {database.table('spans')} PREWHERE {window.condition}"
        f" AND service = {quote(service)}{named}{_of_kind(kind)} GROUP BY role, step, class"
    )
    wanted = max((role for role, *_ in rows), default=0)
    steps = [SpanStatistics() for _ in range(count)]
    for role, step, *counted in rows:
        if role == wanted and (wanted or operation or kind):
            steps[step].add(*counted)
    return steps


async def count_operation_steps(
    database: Database,
    window: Window,
    service: str,
    kinds: Sequence[str],
    step_nanos: int,
    *,
    by_operation: bool,
) -> dict[bytes, list[SpanStatistics]]:
    """What a service did in each step of the window, by operation or all under an empty name.

    Args:
        database: where the spans are.
        window: when they start; its first step begins with it.
        service: its exact name.
        kinds: the spans that count, some of `KINDS`.
        step_nanos: length of a step; the last one may be shorter.
        by_operation: whether operations are told apart.
    """
    count = max(-(-(window.end - window.start) // step_nanos), 1)
    name = "toString(name)" if by_operation else "''"
    numbers = ", ".join(str(KINDS.index(kind)) for kind in kinds)
    rows = await database.rows(
        f"SELECT {name} AS operation, {_step(window, step_nanos, count)} AS step, {COUNTED}"
        f" FROM {database.table('spans')} PREWHERE {window.condition}"
        f" AND service = {quote(service)} AND kind IN ({numbers}) GROUP BY operation, step, class"
    )
    found: dict[bytes, list[SpanStatistics]] = {}
    for operation, step, *counted in rows:
        if operation not in found:
            found[operation] = [SpanStatistics() for _ in range(count)]
        found[operation][step].add(*counted)
    return found


async def seen_resources(
    database: Database, window: Window, service: str = ""
) -> list[SeenResource]:
    """Each version and SDK that spans in the window came from, of one service or all."""
    named = f" AND service = {quote(service)}" if service else ""
    rows = await database.rows(
        "SELECT service, attributes['service.version'] AS version,"
        " attributes['telemetry.sdk.language'] AS language,"
        " attributes['telemetry.sdk.version'] AS sdk_version, min(first), max(last)"
        " FROM (SELECT toString(service) AS service, toString(resource) AS header,"
        " min(start_time_unix_nano) AS first, max(start_time_unix_nano) AS last"
        f" FROM {database.table('spans')} PREWHERE {window.condition}{named}"
        " GROUP BY service, header) AS seen"
        f" GLOBAL ANY LEFT JOIN (SELECT header, attributes FROM {database.table('origins')}"
        " WHERE level = 'resource') AS origins ON seen.header = origins.header"
        " GROUP BY service, version, language, sdk_version"
    )
    found = []
    for *texts, first, last in rows:
        name, version, language, sdk = map(text_of, texts)
        found.append(SeenResource(name, version, f"{language} {sdk}".strip(), first, last))
    return found


async def last_starts(
    database: Database, services: Sequence[bytes], before: int
) -> dict[bytes, int]:
    """When the newest span of each service began, no later than `before`; unknown ones left out.

    The postings tell the last minutes of each, so that no others are read.
    """
    tokens = ", ".join(str(service_token(service)) for service in services)
    minutes = f"arrayMap(place -> intDiv(place, {PLACES_IN_MINUTE}), places)"
    known = f"arrayFilter(minute -> minute <= {minute_of(before)}, {minutes})"
    rows = await database.rows(
        f"SELECT arraySlice(arrayReverseSort(groupUniqArrayArray({known})), 1, {_LAST_MINUTES})"
        f" FROM {database.table('postings')} WHERE token IN ({tokens or 'NULL'}) GROUP BY token"
    )
    found = sorted({minute for (newest,) in rows for minute in newest})
    if not found:
        return {}
    rows = await database.rows(
        f"SELECT service, max(start_time_unix_nano) FROM {database.table('spans')}"
        f" PREWHERE intDiv(place, {PLACES_IN_MINUTE}) IN ({', '.join(map(str, found))})"
        f" AND service IN ({', '.join(map(quote, services))})"
        f" AND start_time_unix_nano <= {before} GROUP BY service"
    )
    return dict(rows)


def _step(window: Window, step_nanos: int, count: int) -> str:
    """SQL: in which step of the window a row of `spans` starts; its very end is in the last."""
    step = f"intDiv(start_time_unix_nano - {window.start}, {step_nanos})"
    return f"toUInt32(least({step}, {count - 1}))"


def _of_kind(kind: str) -> str:
    return f" AND kind = {KINDS.index(kind)}" if kind else ""
