"""The processor `resource` against the model of the actions it shares with `attributes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from opentelemetry.proto.common.v1 import common_pb2 as common
from pydantic import ValidationError

from ananta.model import SpanBatch
from ananta.processors.resource import ResourceConfig, ResourceProcessor

from . import model
from .span_requests import (
    NoHost,
    RecordingSink,
    component_settings,
    generous,
    one_span,
    parse,
    requests,
)
from .test_attributes import actions

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1 import trace_pb2 as trace


async def run(actions: list[dict[str, Any]], batch: SpanBatch) -> SpanBatch:
    sink = RecordingSink()
    config = ResourceConfig.model_validate({"attributes": actions})
    processor = ResourceProcessor(config, component_settings(), sink)
    await processor.start(NoHost())
    await processor.consume(batch)
    await processor.shutdown()
    (result,) = sink.batches
    return result


@generous
@given(requests, actions)
async def test_actions_change_resources_and_nothing_else(
    data: trace.TracesData, actions: list[dict[str, Any]]
) -> None:
    result = await run(actions, SpanBatch.from_otlp(data.SerializeToString()))
    for container in data.resource_spans:
        kept = model.act_all(container.resource.attributes, actions)
        copies = [common.KeyValue.FromString(pair.SerializeToString()) for pair in kept]
        if copies or container.resource.attributes:
            del container.resource.attributes[:]
            container.resource.attributes.extend(copies)
    assert model.flattened(parse(result)) == model.flattened(data)


async def test_the_environment_is_added_to_every_resource() -> None:
    batch = SpanBatch.concat([one_span({}, {"service.name": name}) for name in ("a", "b")])
    result = await run(
        [{"key": "deployment.environment", "value": "staging", "action": "upsert"}], batch
    )
    assert [row["resource"] for row in result.rows()] == [
        {"service.name": "a", "deployment.environment": "staging"},
        {"service.name": "b", "deployment.environment": "staging"},
    ]


async def test_spans_without_a_resource_get_one_when_something_is_put_into_it() -> None:
    batch = one_span()
    assert await run([{"key": "absent", "action": "delete"}], batch) is batch
    result = parse(await run([{"key": "k", "value": "v", "action": "insert"}], batch))
    assert result.resource_spans[0].resource.attributes[0].key == "k"


async def test_resources_that_have_what_is_put_leave_the_batch_as_it_came() -> None:
    batch = one_span({"k": "other"}, {"k": "v"})
    assert await run([{"key": "k", "value": "v", "action": "upsert"}], batch) is batch


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, 'missing required field "attributes"'),
        (
            {"attributes": [{"key": "k"}]},
            'error creating AttrProc due to unsupported action "" at the 0-th actions',
        ),
        (
            {"attributes": [{"action": "upsert", "value": 1}]},
            'due to missing required field "key" at the 0-th actions',
        ),
    ],
)
def test_an_incomplete_configuration_is_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ResourceConfig.model_validate(config)
    assert message in str(caught.value)
