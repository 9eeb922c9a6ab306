"""Jaeger's metrics routes: what its monitor asks for, and what it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.api.otlp_spans import CLIENT, ERROR, MILLISECOND, SERVER, START, of, span

if TYPE_CHECKING:
    from tests.unit.api.conftest import Api

SECOND = 1000 * MILLISECOND
MINUTE = 60 * SECOND
END = START + 10 * MINUTE
ASK = {"service": "shop", "endTs": END // MILLISECOND, "lookback": 240_000, "step": 60_000}
ASK |= {"ratePer": 120_000}


def send_requests(api: Api) -> None:
    """One failed request a minute, from the sixth to the ninth, and a call within the last."""
    requests = [
        span(
            minute,
            f"GET /{minute % 2}",
            trace_id=minute,
            kind=SERVER,
            start=START + minute * MINUTE + SECOND,
            duration=minute * MILLISECOND,
            status=ERROR if minute == 8 else 0,
        )
        for minute in range(6, 10)
    ]
    call = span(20, "call", trace_id=9, parent=9, kind=CLIENT, start=START + 9 * MINUTE)
    api.send(of("shop", *requests, call), of("größe", call))


async def family(api: Api, name: str, **parameters: Any) -> Any:
    answer = await api.get(f"/api/metrics/{name}", **(ASK | parameters))
    assert answer.status_code == 200, answer.text
    return answer.json()


def values(metric: Any) -> list[Any]:
    return [point["gaugeValue"]["doubleValue"] for point in metric["metricPoints"]]


async def test_each_point_tells_of_the_while_before_it(api: Api) -> None:
    send_requests(api)
    calls = await family(api, "calls")
    assert (calls["name"], calls["type"]) == ("service_call_rate", "GAUGE")
    (metric,) = calls["metrics"]
    assert metric["labels"] == [{"name": "service_name", "value": "shop"}]
    assert [point["timestamp"] for point in metric["metricPoints"]] == [
        f"2023-11-14T22:{minute}:20Z" for minute in range(19, 24)
    ]
    assert values(metric) == [0, 1 / 120, 2 / 120, 2 / 120, 2 / 120]
    errors = await family(api, "errors")
    assert errors["name"] == "service_error_rate"
    assert values(errors["metrics"][0]) == ["NaN", 0, 0, 0.5, 0.5]
    latencies = await family(api, "latencies", quantile="0.95")
    assert latencies["name"] == "service_latencies"
    assert values(latencies["metrics"][0]) == ["NaN", 6, 7, 8, 9]


async def test_operations_kinds_and_several_services(api: Api) -> None:
    send_requests(api)
    grouped = await family(api, "latencies", quantile="0.5", groupByOperation="true")
    assert grouped["name"] == "service_operation_latencies"
    assert [metric["labels"] for metric in grouped["metrics"]] == [
        [{"name": "operation", "value": name}, {"name": "service_name", "value": "shop"}]
        for name in ("GET /0", "GET /1")
    ]
    assert values(grouped["metrics"][1]) == ["NaN", "NaN", 7, 7, 9]
    several = await family(api, "calls", service=["shop", "größe"], spanKind=["client", "server"])
    assert [metric["labels"][0]["value"] for metric in several["metrics"]] == ["shop", "größe"]
    assert values(several["metrics"][0])[-1] == 3 / 120
    nothing = await family(api, "calls", service="absent")
    assert (nothing["name"], nothing["metrics"]) == ("service_call_rate", [])


async def test_the_last_hour_of_servers_unless_said(api: Api) -> None:
    send_requests(api)
    answer = await api.get("/api/metrics/calls", service="shop", endTs=END // MILLISECOND)
    (metric,) = answer.json()["metrics"]
    assert len(metric["metricPoints"]) == 721
    assert values(metric)[-1] == 4 / 600


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"service": ""}, "parameter 'service' is required"),
        ({"quantile": ""}, "unable to parse param 'quantile': \"\" is no number of hundredths"),
        ({"quantile": "1.5"}, "write 0.95"),
        ({"quantile": "0.999"}, "hundredths"),
        ({"spanKind": "SERVER"}, "unable to parse param 'spanKind'"),
        ({"step": "0"}, "parameter 'step' is 0; write 1 millisecond or more"),
        ({"step": "1s"}, "unable to parse param 'step'"),
        ({"step": "1"}, "more than 5000; write a longer step"),
        ({"lookback": "-1"}, "parameter 'lookback' is -1"),
        ({"ratePer": "0"}, "parameter 'ratePer' is 0"),
        ({"endTs": "1"}, "before 1970"),
        ({"groupByOperation": "x"}, "unable to parse param 'groupByOperation'"),
    ],
)
async def test_mistakes_are_told(api: Api, parameters: dict[str, str], message: str) -> None:
    asked: dict[str, Any] = ASK | {"quantile": "0.95"} | parameters
    assert message in await api.problem("/api/metrics/latencies", **asked)
