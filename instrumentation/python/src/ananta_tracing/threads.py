"""Threads that belong to the trace they were started from.

A task and `asyncio.to_thread` carry the current span along; a thread pool and
`loop.run_in_executor` do not. These two do.
"""

from __future__ import annotations

import contextvars
import functools
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class TracedThreadPool(ThreadPoolExecutor):
    """A `ThreadPoolExecutor` whose work runs with the context variables of whoever submitted it."""

    def submit(
        self,
        fn: Callable[Parameters, Result],
        /,
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Future[Result]:
        """Schedule a call, to be made in a copy of the current context; as in `Executor`."""
        context = contextvars.copy_context()
        return super().submit(functools.partial(context.run, fn, *args, **kwargs))


def traced_thread_pool(
    max_workers: int | None = None,
    thread_name_prefix: str = "",
    initializer: Callable[..., object] | None = None,
    initargs: tuple[Any, ...] = (),
) -> TracedThreadPool:
    """A thread pool that keeps traces together; the arguments are those of `ThreadPoolExecutor`.

    >>> from ananta_tracing.spans import create_span, current_trace_id
    >>> with traced_thread_pool(2) as pool, create_span("enrich_lines"):
    ...     ids = list(pool.map(lambda line: current_trace_id(), range(3)))
    ...     set(ids) == {current_trace_id()}
    True
    """
    return TracedThreadPool(max_workers, thread_name_prefix, initializer, initargs)


async def run_in_executor(
    executor: Executor | None,
    function: Callable[Parameters, Result],
    /,
    *args: Parameters.args,
    **kwargs: Parameters.kwargs,
) -> Result:
    """Call a function in an executor of threads (the loop's own if None), inside the current trace.

    >>> async def total():
    ...     return await run_in_executor(None, sum, [1, 2, 3])
    >>> import asyncio
    >>> asyncio.run(total())
    6
    """
    import asyncio

    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(
        executor, functools.partial(context.run, function, *args, **kwargs)
    )
