"""A worker of Temporal is killed within a workflow: the trace shows what was done, and once."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.worker import Replayer

from ananta_tracing.testing import record_spans

from ..core.conftest import start_python, wait_until
from .workflow import Provision

if TYPE_CHECKING:
    import subprocess

    from ..core.sink import Sink

PACKAGE = Path(__file__).parents[2]
HISTORY = Path(__file__).with_name("history.json")
# A module, since Temporal loads the file of a workflow once more.
WORKER = f"""
    import sys
    sys.path.insert(0, {str(HISTORY.parent)!r})
    import workflow
    workflow.main()
"""

CLIENT = """
    import asyncio, sys
    from temporalio.client import Client
    from ananta_tracing import create_span, init_tracing

    init_tracing("shop", sys.argv[1])

    async def main():
        client = await Client.connect(sys.argv[2])
        with create_span("order"):
            await client.start_workflow("Provision", "Acme", id="acme", task_queue="tenants")

    asyncio.run(main())
"""


async def test_a_replay_makes_no_span_and_finds_no_nondeterminism(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The history is of a workflow that was started with this package."""
    monkeypatch.syspath_prepend(PACKAGE)  # Temporal imports the workflow by its name once more
    history = WorkflowHistory.from_json("acme", HISTORY.read_text())
    assert '"_tracer-data"' in HISTORY.read_text()
    with record_spans() as spans:
        replayer = Replayer(workflows=[Provision], interceptors=[TracingInterceptor()])
        result = await replayer.replay_workflow(history)
    assert result.replay_failure is None
    assert spans.names == []


@pytest.mark.brokers
def test_a_killed_worker_leaves_no_span_twice(http: Sink, temporal: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    def start(code: str) -> subprocess.Popen[str]:
        environment = {"OTEL_BSP_SCHEDULE_DELAY": "50"}
        return start_python(code, http.endpoint, temporal, str(gate), **environment)

    def names() -> list[str]:
        return [span.name for span in http.spans]

    worker = start(WORKER)
    assert start(CLIENT).wait(60) == 0
    wait_until(lambda: "StartActivity:notify" in names(), 60)
    worker.kill()
    worker.communicate()
    gate.touch()
    worker = start(WORKER)
    wait_until(lambda: "CompleteWorkflow:Provision" in names(), 60)
    worker.terminate()
    worker.communicate()

    history = asyncio.run(history_of(temporal))
    kinds = Counter(event["eventType"] for event in history["events"])
    assert kinds["EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED"] == 1
    assert "EVENT_TYPE_WORKFLOW_TASK_FAILED" not in kinds
    assert Counter(names()) == {
        "order": 1,
        "StartWorkflow:Provision": 1,
        "RunWorkflow:Provision": 1,
        "StartActivity:create_tenant": 1,
        "RunActivity:create_tenant": 1,
        "insert_tenant": 1,
        "StartActivity:notify": 1,
        "RunActivity:notify": 1,  # the attempt that was killed had not ended
        "CompleteWorkflow:Provision": 1,
    }
    assert len({span.trace_id for span in http.spans}) == 1
    known = {span.span_id for span in http.spans}
    assert [span.name for span in http.spans if span.parent_span_id not in known] == ["order"]


async def history_of(address: str) -> dict[str, Any]:
    client = await Client.connect(address)
    return (await client.get_workflow_handle("acme").fetch_history()).to_json_dict()
