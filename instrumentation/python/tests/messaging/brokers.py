"""Servers of messages on loopback: each fixture starts one and gives the address of it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ananta_tracing.testing_platform import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN = str(Path(__file__).parents[3] / "brokers/run.sh")


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, (port,) = tmp_path_factory.mktemp("redis"), free_ports(1)
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
    folder, (port,) = tmp_path_factory.mktemp("rabbitmq"), free_ports(1)
    with running(["bash", RUN, "rabbitmq", str(port), str(folder)], port, folder):
        yield f"amqp://guest:guest@127.0.0.1:{port}/"


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, (port,) = tmp_path_factory.mktemp("kafka"), free_ports(1)
    with running(["bash", RUN, "kafka", str(port), str(folder)], port, folder):
        yield f"127.0.0.1:{port}"


@pytest.fixture(scope="session")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, (port,) = tmp_path_factory.mktemp("temporal"), free_ports(1)
    command = ["temporal", "server", "start-dev", "--headless", "--port", str(port)]
    with running(command, port, folder):
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def running(command: list[str], port: int, folder: Path) -> Iterator[None]:
    """A server that runs in this folder, from when it listens until the end of the block."""
    if shutil.which(command[0]) is None:
        pytest.fail(f"{command[0]} is not installed; scripts/need.sh says what is needed")
    log = folder / "output"
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
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
