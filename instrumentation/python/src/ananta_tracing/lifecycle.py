"""The ends of a process: normal exit, SIGTERM, and the children it forks.

normal exit            atexit: deliver within a deadline
SIGTERM, no handler    deliver, then end as the signal would have ended it
SIGTERM, a handler     the application's own; it ends the process, and atexit delivers
fork                   the child begins with an empty queue and a thread of its own
multiprocessing,       children end without atexit: their own way of ending is used
Celery's pool
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from ananta_tracing.export import ExportProcessor

logger = logging.getLogger(__name__)

EXIT_DEADLINE_SECONDS = 5.0


class Lifecycle:
    """Calls `deliver` whenever this process, or a child of it, is about to end.

    Args:
        deliver: sends what is queued within this many seconds; may be called more than once.
        processor: told of every fork; None where nothing is exported.
    """

    def __init__(
        self, deliver: Callable[[float], object], processor: ExportProcessor | None
    ) -> None:
        self._deliver = deliver
        self._processor = processor
        self._watched: set[str] = set()
        self._is_installed = False

    def install(self) -> None:
        """Begin to watch; to be called once."""
        self._is_installed = True
        atexit.register(self._at_exit)
        self.watch_signals()
        if hasattr(os, "register_at_fork"):
            processor = self._processor
            if processor is not None:
                os.register_at_fork(
                    before=processor.before_fork,
                    after_in_parent=processor.after_fork_in_parent,
                    after_in_child=processor.after_fork_in_child,
                )
            # What is registered last is called first.
            os.register_at_fork(before=self._watch_children)
        self._watch_children()  # a child of the fork server runs this before it knows it is one
        multiprocessing = sys.modules.get("multiprocessing.process")
        if multiprocessing is not None and multiprocessing.parent_process() is not None:
            self._deliver_before_end(sys.modules.get("multiprocessing.util"))

    def remove(self) -> None:
        """Stop watching. What the operating system calls on a fork cannot be taken back."""
        self._is_installed = False
        atexit.unregister(self._at_exit)
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGTERM) == self._on_sigterm
        ):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _at_exit(self) -> None:
        """Deliver, although a signal handler may raise meanwhile; that goes on afterwards.

        Celery ends the processes of its pool by such a signal while they are ending already.
        """
        deadline = time.monotonic() + EXIT_DEADLINE_SECONDS
        interruption: BaseException | None = None
        while (remaining := deadline - time.monotonic()) > 0:
            try:
                self._deliver(remaining)
                break
            except (SystemExit, KeyboardInterrupt) as error:
                interruption = error
        if interruption is not None:
            raise interruption

    # SIGTERM

    def watch_signals(self) -> None:
        """Take SIGTERM only where nobody has it: the default would end the process at once.

        Called when tracing is set up, and by the first span of a process: a server may have come
        in between, or may have forked.
        """
        if not self._is_installed:
            return
        handler = signal.getsignal(signal.SIGTERM)
        if handler is signal.SIG_DFL:
            if threading.current_thread() is threading.main_thread():
                with suppress(ValueError):  # the main thread of another interpreter has no signals
                    signal.signal(signal.SIGTERM, self._on_sigterm)
            return
        server = getattr(handler, "__self__", None)
        if type(server).__module__.startswith("uvicorn"):
            self._watch_uvicorn(server)

    def _watch_uvicorn(self, server: Any) -> None:
        """Deliver at the end of uvicorn's shutdown.

        When that is over it puts the handler back that was there before it, mostly the default,
        and raises the signal again: the process ends without `atexit`.
        """
        shutdown = server.shutdown
        if getattr(shutdown, "delivers_spans", False):
            return

        async def shutdown_and_deliver(*args: Any, **options: Any) -> None:
            import asyncio

            await shutdown(*args, **options)
            await asyncio.to_thread(self._at_exit)

        shutdown_and_deliver.delivers_spans = True  # type: ignore[attr-defined]
        server.shutdown = shutdown_and_deliver

    def _on_sigterm(self, number: int, _: FrameType | None) -> None:
        # On a thread: the main thread was interrupted anywhere, perhaps holding a lock that
        # delivering needs, so it must not wait for longer than the deadline.
        thread = threading.Thread(target=self._at_exit, daemon=True)
        with suppress(RuntimeError):  # the interpreter is ending already, and delivers by itself
            thread.start()
            thread.join(EXIT_DEADLINE_SECONDS + 0.5)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    # Children

    def _watch_children(self) -> None:
        """Before a fork: have the libraries that are about to fork call us in the child."""
        if not self._is_installed:
            return
        for name in ("multiprocessing.util", "billiard.util"):
            util = sys.modules.get(name)
            if util is not None and name not in self._watched:
                self._watched.add(name)
                util.register_after_fork(self, lambda _, util=util: self._deliver_before_end(util))
        signals = sys.modules.get("celery.signals")
        if signals is not None and signals.__name__ not in self._watched:
            self._watched.add(signals.__name__)
            signals.worker_process_shutdown.connect(self._on_pool_process_shutdown, weak=False)
            signals.worker_shutdown.connect(self._await_pool_processes, weak=False)

    def _deliver_before_end(self, util: Any) -> None:
        """In a child of multiprocessing: deliver among its last actions."""
        if util is not None and self._is_installed:
            util.Finalize(None, self._at_exit, exitpriority=-100)

    def _on_pool_process_shutdown(self, **_: object) -> None:
        """In a process of Celery's pool that ends."""
        self._at_exit()

    def _await_pool_processes(self, **_: object) -> None:
        """In Celery's main process when the pool has been told to stop.

        The processes of the pool are killed the moment this one is gone, also while they deliver.
        """
        process = sys.modules.get("billiard.process")
        deadline = time.monotonic() + EXIT_DEADLINE_SECONDS
        for child in process.active_children() if process is not None else ():
            child.join(max(deadline - time.monotonic(), 0.0))
