"""The example as a whole, running: started once, on free ports, with everything it needs."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from stack import traces
from stack.example import Example
from stack.needs import need_databases, need_node_services, need_temporal
from stack.ports import Ports
from stack.story import Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.traces import Trace

DEVELOPMENT = {
    "DEPLOYMENT_ENVIRONMENT": "development",
    "OTEL_BSP_SCHEDULE_DELAY": "200",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": "authorization,cookie,priority",
}


def wait_for_trace(platform_url: str, trace_id: str) -> Trace:
    """The trace once it is whole; quiet for five times what DEVELOPMENT holds spans back."""
    return traces.wait_for_trace(platform_url, trace_id, quiet_seconds=1.0)


def new_domain(below: str = "example.com") -> str:
    """A domain no tenant has."""
    return f"{secrets.token_hex(4)}.{below}"


def pytest_configure(config: pytest.Config) -> None:
    """Build once what the processes that run tests share."""
    if not hasattr(config, "workerinput"):
        need_databases()
        need_node_services(print)
        need_temporal(print)


@pytest.fixture(scope="session")
def running() -> Iterator[Example]:
    """The example with the services of the last test that restarted them."""
    with Example(Ports.free(), need_temporal(print), DEVELOPMENT) as example:
        yield example


@pytest.fixture(scope="module")
def example(running: Example) -> Example:
    """The example with its services as in development: every trace is kept."""
    running.run_services(DEVELOPMENT)
    return running


@pytest.fixture(scope="session")
def story(running: Example) -> Story:
    """Requests to its services."""
    return Story(running.ports)
