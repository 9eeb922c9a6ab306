"""The collector snippets of the users' guide are valid configurations."""

from __future__ import annotations

from typing import Any

import pytest

from ananta.components import load_table
from ananta.config.load import load_config

REST = """yaml:
receivers: {otlp: {protocols: {grpc: , http: }}}
exporters: {nop: }
service: {pipelines: {traces: {receivers: [otlp], processors: %s, exporters: [nop]}}}
"""


def load(snippet: str, *processors: str) -> Any:
    rest = REST % f"[{', '.join(processors)}]"
    return load_config([rest, f"yaml:{snippet}"], table=load_table()).processors


def test_processors_with_only_a_comment():
    assert load("processors:\n  # No sampler - accept all traces\n") == {}


@pytest.mark.parametrize("percentage", [50, 10])
def test_a_probabilistic_sampler(percentage):
    snippet = f"processors:\n  probabilistic_sampler:\n    sampling_percentage: {percentage}\n"
    sampler = load(snippet, "probabilistic_sampler")["probabilistic_sampler"]
    assert sampler.sampling_percentage == percentage


def test_a_span_processor_with_a_list_of_attribute_actions():
    snippet = """
processors:
  span:
    attributes:
      - key: http.request.header.authorization
        action: delete
      - key: http.request.header.cookie
        action: delete
      - key: db.statement
        action: delete  # or hash
"""
    span = load(snippet, "span")["span"]
    assert [(each.key, each.action.lower()) for each in span.attributes] == [
        ("http.request.header.authorization", "delete"),
        ("http.request.header.cookie", "delete"),
        ("db.statement", "delete"),
    ]


def test_smaller_batches_and_a_higher_memory_limit():
    snippet = """
processors:
  batch:
    send_batch_size: 512
    timeout: 5s

# Increase memory limit trigger
  memory_limiter:
    limit_mib: 768
    spike_limit_mib: 192
"""
    processors = load_config(
        [REST % "[memory_limiter, batch]", f"yaml:{snippet}"], table=load_table()
    ).processors
    batch: Any = processors["batch"]
    limiter: Any = processors["memory_limiter"]
    assert (batch.send_batch_size, batch.timeout) == (512, 5.0)
    assert (limiter.limit_mib, limiter.spike_limit_mib) == (768, 192)
