"""Producers and consumers of messages, with real libraries and real queues."""
