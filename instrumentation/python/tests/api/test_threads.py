"""Work in threads belongs to the trace it was started from."""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor

from ananta_tracing.spans import create_span, current_trace_id
from ananta_tracing.threads import run_in_executor, traced_thread_pool

tenant = contextvars.ContextVar("tenant", default="none")


def work(number):
    with create_span(f"line {number}"):
        return current_trace_id(), tenant.get()


def test_submit_and_map_carry_the_trace_and_other_variables(spans):
    tenant.set("acme")
    with traced_thread_pool(2) as pool, create_span("enrich_lines"):
        found = [pool.submit(work, 0).result(), *pool.map(work, [1, 2])]
        assert set(found) == {(current_trace_id(), "acme")}
    spans.assert_no_orphans()
    assert {spans.parent_of(span).name for span in spans.finished[1:]} == {"enrich_lines"}


def test_a_worker_keeps_nothing_of_the_work_before(spans):
    with traced_thread_pool(1) as pool:
        with create_span("request"):
            pool.submit(work, 0).result()
        assert pool.submit(current_trace_id).result() is None


def test_an_exception_comes_back_as_itself():
    error = KeyError("x")

    def fails():
        raise error

    with traced_thread_pool() as pool:
        assert pool.submit(fails).exception() is error


async def test_run_in_executor(spans):
    with create_span("request"), ThreadPoolExecutor(1) as pool:
        assert await run_in_executor(pool, work, 1) == (current_trace_id(), tenant.get())
        assert (await run_in_executor(None, work, number=2))[0] == current_trace_id()
        loop = asyncio.get_running_loop()
        with traced_thread_pool(1) as traced:
            assert (await loop.run_in_executor(traced, work, 3))[0] == current_trace_id()
    spans.assert_trace("request\n  line 1\n  line 2\n  line 3")


async def test_tasks_and_to_thread(spans):
    async def line(number):
        with create_span(f"line {number}"):
            await asyncio.sleep(0)

    with create_span("request"):
        await asyncio.gather(asyncio.create_task(line(1)), line(2))
        await asyncio.to_thread(work, 3)
    spans.assert_trace("request\n  line 1\n  line 2\n  line 3")
