"""Ananta: a distributed-tracing platform in one process.

`ananta up` runs collector, store and query API together; `ananta collect` runs a collector
alone. The folders are the architecture; `docs/architecture.md` walks a span through them.
"""

__version__ = "0.1.0"
