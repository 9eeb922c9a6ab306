"""Nothing acknowledged is lost and nothing is stored twice, however the process ends."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import pytest

from .senders import SPANS_A_REQUEST, Load

if TYPE_CHECKING:
    from .platform import Platform

pytestmark = pytest.mark.e2e


def stored_spans(platform: Platform, trace_ids: set[str]) -> dict[str, int]:
    """Spans by trace as they are stored: `raw` shows duplicates that adjusters would hide."""
    counts = dict.fromkeys(trace_ids, 0)
    ordered = sorted(trace_ids)
    for start in range(0, len(ordered), 100):
        found = platform.get("/api/traces", traceID=ordered[start : start + 100], raw="true")
        for one in found["data"]:
            counts[one["traceID"]] = len(one["spans"])
    return counts


def test_kill_again_and_again_loses_and_doubles_nothing(fresh_platform: Platform) -> None:
    platform = fresh_platform
    random_source = random.Random(7)
    acknowledged: set[str] = set()
    for _ in range(4):
        platform.start()
        load = Load(platform.ports["http"])
        stop_after = random_source.randint(50, 400)
        sending = threading.Thread(target=load.run, kwargs={"until_acknowledged": 10**9})
        sending.start()
        while len(load.acknowledged) < stop_after and sending.is_alive():
            # A query makes the journal deliver, so that kills fall between its steps too.
            platform.get("/api/services")
        platform.kill()
        sending.join(60)
        assert len(load.acknowledged) >= stop_after
        acknowledged |= load.acknowledged
    platform.start()
    counts = stored_spans(platform, acknowledged)
    assert set(counts.values()) == {SPANS_A_REQUEST}
    assert platform.stop() == 0


def test_stop_saves_what_was_acknowledged_and_says_so(fresh_platform: Platform) -> None:
    platform = fresh_platform.start()
    load = Load(platform.ports["http"])
    load.run(until_acknowledged=200)
    assert platform.stop() == 0
    assert any("saved" in line for line in platform.output), "".join(platform.output)
    platform.start()
    assert set(stored_spans(platform, load.acknowledged).values()) == {SPANS_A_REQUEST}


def test_a_query_sees_what_was_acknowledged_before_it(fresh_platform: Platform) -> None:
    platform = fresh_platform.start()
    for expected in range(1, 6):
        load = Load(platform.ports["http"], senders=1)
        load.run(until_acknowledged=1)
        (trace_id,) = load.acknowledged
        assert len(platform.trace(trace_id)["spans"]) == SPANS_A_REQUEST
        found = platform.get("/api/traces", service="load", limit=100)["data"]
        assert len(found) == expected
        assert found[0]["traceID"] == trace_id


def test_a_second_process_on_the_directory_is_refused_in_one_line(platform: Platform) -> None:
    from .platform import Platform as Another

    second = Another(platform.data_dir)
    with pytest.raises(AssertionError):
        second.start()
    assert second.process is not None
    assert second.process.returncode not in (0, None)
    told = [line for line in second.output if str(platform.data_dir) in line]
    assert len(told) == 1, "".join(second.output)
    assert "Traceback" not in "".join(second.output)
