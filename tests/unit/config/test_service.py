"""The `service::telemetry` section."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from ananta.config.service import TelemetryConfig


def test_defaults_are_the_collectors():
    telemetry = TelemetryConfig()
    assert (telemetry.logs.level, telemetry.logs.encoding) == ("info", "console")
    sampling = telemetry.logs.sampling
    assert (sampling.tick, sampling.initial, sampling.thereafter) == (10.0, 10, 100)
    assert telemetry.logs.output_paths == ["stderr"]
    [reader] = telemetry.metrics.prometheus
    assert (telemetry.metrics.level, reader.host, reader.port) == ("normal", "localhost", 8888)


def test_levels_are_read_whatever_their_case():
    telemetry = TelemetryConfig.model_validate(
        {"logs": {"level": "WARN"}, "metrics": {"level": "Detailed"}}
    )
    assert (telemetry.logs.level, telemetry.metrics.level) == ("warn", "detailed")


def test_a_reader_moves_the_own_metrics():
    reader = {"pull": {"exporter": {"prometheus": {"host": "0.0.0.0", "port": 9999}}}}
    telemetry = TelemetryConfig.model_validate({"metrics": {"readers": [reader]}})
    assert [(each.host, each.port) for each in telemetry.metrics.prometheus] == [("0.0.0.0", 9999)]


def test_level_none_shows_no_metrics():
    telemetry = TelemetryConfig.model_validate({"metrics": {"level": "none", "readers": []}})
    assert telemetry.metrics.prometheus == []


def test_a_resource_is_a_map_or_a_list_of_attributes():
    as_map = TelemetryConfig.model_validate({"resource": {"service.name": "x", "a": None}})
    as_list = TelemetryConfig.model_validate(
        {"resource": {"attributes": [{"name": "service.name", "value": "x"}, {"name": "a"}]}}
    )
    assert as_map.resource == as_list.resource == {"service.name": "x", "a": None}


@pytest.mark.parametrize(
    ("section", "text"),
    [
        (
            {"metrics": {"readers": []}},
            "collector telemetry metrics reader should exist when metric level is not none",
        ),
        ({"metrics": {"views": [{}]}}, "metrics::level is detailed"),
        ({"metrics": {"level": "detailed", "views": [{}]}}, "can't be reshaped by views"),
        ({"metrics": {"readers": [{"periodic": {}}]}}, "own metrics can't be pushed"),
        ({"metrics": {"readers": [{}]}}, "a reader needs pull"),
        (
            {
                "metrics": {
                    "readers": [{"pull": {"exporter": {"prometheus": {"without_units": False}}}}]
                }
            },
            "own metrics only have the plain names",
        ),
        ({"logs": {"processors": [{}]}}, "the own log can't be sent by OTLP"),
        ({"traces": {"processors": [{}]}}, "own spans are not exported"),
        ({"resource": {"attributes": [1]}}, "attributes must be a list of {name, value}"),
    ],
)
def test_what_this_program_does_not_do_is_refused(section, text):
    with pytest.raises(ValidationError, match=re.escape(text)):
        TelemetryConfig.model_validate(section)
