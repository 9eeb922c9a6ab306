"""Servers of messages on loopback: each fixture starts one and gives the address of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KAFKA_HOME = "KAFKA_LIBRARIES"
"""The variable with the folder of Kafka's jars."""


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("redis"), free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with running(command, port, folder):
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture(scope="session")
def sqs() -> Iterator[str]:
    """SQS as moto has it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        yield f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    finally:
        server.stop()


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("rabbitmq"), free_port()
    environment = {
        "HOME": str(folder),  # the cookie of Erlang
        "RABBITMQ_NODENAME": f"tests{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "ERL_EPMD_PORT": str(free_port()),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
    with running(["/usr/lib/rabbitmq/bin/rabbitmq-server"], port, folder, environment):
        yield f"amqp://guest:guest@127.0.0.1:{port}/"


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Kafka that is broker and controller."""
    folder, port, controller = tmp_path_factory.mktemp("kafka"), free_port(), free_port()
    properties = folder / "server.properties"
    properties.write_text(
        f"""
        process.roles=broker,controller
        node.id=1
        controller.quorum.voters=1@127.0.0.1:{controller}
        listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
        advertised.listeners=PLAINTEXT://127.0.0.1:{port}
        controller.listener.names=CONTROLLER
        log.dirs={folder}/data
        num.partitions=1
        offsets.topic.num.partitions=1
        offsets.topic.replication.factor=1
        transaction.state.log.replication.factor=1
        transaction.state.log.min.isr=1
        group.initial.rebalance.delay.ms=0
        """
    )
    java = ["java", "-Xmx512m", "-cp", f"{os.environ[KAFKA_HOME]}/*"]
    identity = ["--cluster-id", "4L6g3nShT-eMCtK--X86sw", "--config", str(properties)]
    subprocess.run([*java, "kafka.tools.StorageTool", "format", *identity], check=True)
    with running([*java, "kafka.Kafka", str(properties)], port, folder):
        yield f"127.0.0.1:{port}"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def running(
    command: list[str], port: int, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """A server that runs in this folder, from when it listens until the end of the block."""
    if shutil.which(command[0]) is None:
        pytest.fail(f"{command[0]} is not installed; scripts/need.sh says what is needed")
    log = folder / "output"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 90
        while not listens(port):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        server.terminate()
        server.wait(30)


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
