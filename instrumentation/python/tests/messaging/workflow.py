"""A worker of Temporal for the tests, and the workflow it runs.

Its arguments are the collector, Temporal's address, and a file: the second activity waits until
that is there, so that a test can kill the worker meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from ananta_tracing import create_span, init_tracing


@activity.defn
async def create_tenant(name: str) -> str:
    with create_span("insert_tenant"):
        return name.lower()


@activity.defn
async def notify(tenant: str) -> str:
    while not os.path.exists(sys.argv[3]):  # noqa: ASYNC110, ASYNC240, PTH110
        await asyncio.sleep(0.05)
    return f"{tenant} is ready"


@workflow.defn
class Provision:
    @workflow.run
    async def run(self, name: str) -> str:
        limit = timedelta(seconds=3)
        tenant: str = await workflow.execute_activity(
            create_tenant, name, start_to_close_timeout=limit
        )
        return await workflow.execute_activity(notify, tenant, start_to_close_timeout=limit)


async def work() -> None:
    client = await Client.connect(sys.argv[2])
    await Worker(
        client,
        task_queue="tenants",
        workflows=[Provision],
        activities=[create_tenant, notify],
        max_cached_workflows=0,  # every task replays the workflow from its beginning
    ).run()


def main() -> None:
    init_tracing("worker", sys.argv[1])
    asyncio.run(work())
