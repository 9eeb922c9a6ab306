"""What every component in the table keeps to, whoever wrote it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from ananta.component import Component, Kind, SpanSink
from ananta.components import load_table
from ananta.config.problems import Reporter
from ananta.config.service import CollectorConfig, ServiceConfig
from ananta.pipeline.graph import ComponentMaker
from ananta.telemetry.metrics import Metrics
from ananta.telemetry.overview import Overview

if TYPE_CHECKING:
    from ananta.config.model import Config
    from ananta.config.table import ComponentFactory
    from ananta.model import SpanBatch

COMPONENTS = list(load_table())

# The settings that have no default, for components that have such; `DIRECTORY` is a new one.
DIRECTORY = object()
REQUIRED: dict[tuple[Kind, str], dict[str, Any]] = {
    (Kind.RECEIVER, "otlp"): {"protocols": {"grpc": {"endpoint": "127.0.0.1:0"}}},
    (Kind.PROCESSOR, "memory_limiter"): {"check_interval": "1s", "limit_mib": 1000},
    (Kind.PROCESSOR, "resource"): {"attributes": [{"key": "a", "value": 1, "action": "insert"}]},
    (Kind.PROCESSOR, "attributes"): {"actions": [{"key": "a", "value": 1, "action": "insert"}]},
    (Kind.PROCESSOR, "span"): {"name": {"from_attributes": ["a"]}},
    (Kind.EXPORTER, "otlp_grpc"): {"endpoint": "127.0.0.1:4317"},
    (Kind.EXPORTER, "otlp_http"): {"endpoint": "http://127.0.0.1:4318"},
    (Kind.EXPORTER, "clickhouse"): {"data_dir": DIRECTORY},
}

each_component = pytest.mark.parametrize(
    "factory", COMPONENTS, ids=[f"{each.kind}-{each.type}" for each in COMPONENTS]
)


class Sink:
    """Takes every batch."""

    async def consume(self, batch: SpanBatch) -> None:
        pass


def build_config(factory: ComponentFactory, directory) -> Config:
    """The component's settings with nothing but what must be given."""
    required = REQUIRED.get((factory.kind, factory.type), {})
    given = {k: str(directory) if v is DIRECTORY else v for k, v in required.items()}
    return factory.config_class().model_validate(given)


def build(factory: ComponentFactory, directory) -> Any:
    overview = Overview(CollectorConfig(service=ServiceConfig()))
    maker = ComponentMaker(load_table(), Metrics(), {"overview": overview})
    hands_on = factory.kind in (Kind.RECEIVER, Kind.PROCESSOR, Kind.CONNECTOR)
    next_sink = [Sink()] if hands_on else []
    config = build_config(factory, directory)
    return maker.make(factory.kind, factory.type, config, *next_sink)[0]


def test_there_are_components():
    assert {each.kind for each in COMPONENTS} == set(Kind)


@each_component
def test_its_line_in_the_table_says_what_it_does(factory):
    assert factory.summary.endswith(".")
    assert "\n" not in factory.summary


@each_component
def test_its_settings_have_defaults_or_say_which_key_is_missing(factory):
    required = REQUIRED.get((factory.kind, factory.type))
    config_class = factory.config_class()
    if required is None:
        assert config_class.model_validate(None) == config_class.model_validate({})
        return
    with pytest.raises(ValidationError) as caught:
        config_class.model_validate({})
    report = Reporter({})
    report.add_invalid((factory.kind.value, factory.type), caught.value, config_class, {})
    complaints = "\n".join(map(str, report.problems))
    words = [*required, "protocol", "from_attributes"]
    assert any(word in complaints for word in words), complaints


@each_component
def test_an_unknown_key_is_refused_with_the_nearest_known_one(factory):
    config_class = factory.config_class()
    keys = list(config_class.fields_by_key())
    wrong = f"{keys[0]}x" if keys else "anything"
    raw = {wrong: 1}
    with pytest.raises(ValidationError) as caught:
        config_class.model_validate(raw)
    report = Reporter({})
    report.add_invalid((factory.kind.value, factory.type), caught.value, config_class, raw)
    complaints = "\n".join(map(str, report.problems))
    assert f"has invalid keys: {wrong}" in complaints
    assert ("did you mean" if keys else "there are no keys") in complaints


@each_component
def test_every_setting_says_what_it_means(factory):
    def undescribed(config_class: type[Config], path: str) -> list[str]:
        from ananta.config.reference import nested_section

        found = []
        for key, field in config_class.fields_by_key().items():
            if not (field.description or "").endswith("."):
                found.append(f"{path}{key}")
            if (section := nested_section(field.annotation)) is not None:
                found += undescribed(section, f"{path}{key}::")
        return found

    assert undescribed(factory.config_class(), "") == []


@each_component
def test_it_has_the_life_and_the_doors_of_its_kind(factory, tmp_path):
    component = build(factory, tmp_path)
    assert isinstance(component, Component)
    assert inspect.iscoroutinefunction(component.start)
    assert inspect.iscoroutinefunction(component.shutdown)
    takes_spans = factory.kind in (Kind.PROCESSOR, Kind.EXPORTER, Kind.CONNECTOR)
    assert isinstance(component, SpanSink) == takes_spans


@each_component
async def test_it_shuts_down_without_having_started_and_twice(factory, tmp_path):
    component = build(factory, tmp_path)
    await component.shutdown()
    await component.shutdown()
