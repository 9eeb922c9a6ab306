"""Receivers: each takes spans by one protocol, hands batches to the pipeline, and answers."""
