"""Runs components: the graph, the life cycle, queues in memory or on disk, retry, fan-out."""
