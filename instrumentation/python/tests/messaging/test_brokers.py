"""Consumers continue the producer's trace or link to it, as set: Kafka and RabbitMQ.

Needs servers that take their time to install and start: `make test-messaging`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..core.conftest import start_python, wait_until
from .conftest import VARIABLE, both_relations, is_child, named, relation_of

if TYPE_CHECKING:
    from pathlib import Path

    from ..core.conftest import Run
    from ..core.sink import Sink

pytestmark = pytest.mark.brokers

START = """
    import asyncio, sys
    from ananta_tracing import create_span, extract, init_tracing

    _, endpoint, server, queue = sys.argv
    init_tracing("shop", endpoint)
"""

KAFKA_PYTHON = """
    from kafka import KafkaConsumer, KafkaProducer

    producer = KafkaProducer(bootstrap_servers=server)
    with create_span("order"):
        producer.send(queue, b"1").get(30)
    producer.close()
    consumer = KafkaConsumer(
        queue, bootstrap_servers=server, group_id=queue, auto_offset_reset="earliest"
    )
    record = next(consumer)
    with create_span("by hand", kind="consumer", parent=extract(record.headers)):
        pass
    consumer.close()
"""

AIOKAFKA = """
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

    async def main():
        async with AIOKafkaProducer(bootstrap_servers=server) as producer:
            with create_span("order"):
                await producer.send_and_wait(queue, b"1")
        async with AIOKafkaConsumer(
            queue, bootstrap_servers=server, group_id=queue, auto_offset_reset="earliest"
        ) as consumer:
            record = await consumer.getone()
            with create_span("by hand", kind="consumer", parent=extract(record.headers)):
                pass

    asyncio.run(main())
"""

CONFLUENT_KAFKA = """
    from confluent_kafka import Consumer, Producer

    producer = Producer({"bootstrap.servers": server})
    with create_span("order"):
        producer.produce(queue, b"1")
    producer.flush()
    consumer = Consumer({
        "bootstrap.servers": server, "group.id": queue, "auto.offset.reset": "earliest",
    })
    consumer.subscribe([queue])
    while consumer.poll(0.5) is None:
        pass
    with create_span("handle"):
        pass
    consumer.close()
"""

PIKA = """
    import pika

    channel = pika.BlockingConnection(pika.URLParameters(server)).channel()
    channel.queue_declare(queue)
    with create_span("order"):
        channel.basic_publish("", queue, b"1")

    def take(channel, method, properties, body):
        with create_span("handle"):
            channel.basic_ack(method.delivery_tag)
        channel.stop_consuming()

    channel.basic_consume(queue, take)
    channel.start_consuming()
"""

AIO_PIKA = """
    import aio_pika

    async def main():
        async with await aio_pika.connect(server) as connection:
            channel = await connection.channel()
            declared = await channel.declare_queue(queue)
            with create_span("order"):
                await channel.default_exchange.publish(aio_pika.Message(b"1"), queue)
            done = asyncio.Event()

            async def take(message):
                with create_span("handle"):
                    await message.ack()
                done.set()

            await declared.consume(take)
            await done.wait()

    asyncio.run(main())
"""


def exchange(run_python: Run, http: Sink, program: str, server: str, queue: str, relation: str):
    """Run a program that sends a message and takes it."""
    environment = {VARIABLE: relation}
    done = run_python(START + program, http.endpoint, server, queue, **environment)
    assert done.returncode == 0, done.stderr


@both_relations
@pytest.mark.parametrize("program", [KAFKA_PYTHON, AIOKAFKA], ids=["kafka-python", "aiokafka"])
def test_kafka(relation: str, program: str, http: Sink, kafka: str, run_python: Run) -> None:
    queue = f"{program.split()[1]}-{relation}"
    exchange(run_python, http, program, kafka, queue, relation)
    assert relation_of(http.spans, f"{queue} send", f"{queue} receive") == relation
    # The span of the library is over when the record is handed out.
    assert relation_of(http.spans, f"{queue} send", "by hand") == relation


@both_relations
def test_confluent_kafka(relation: str, http: Sink, kafka: str, run_python: Run) -> None:
    queue = f"confluent-{relation}"
    exchange(run_python, http, CONFLUENT_KAFKA, kafka, queue, relation)
    assert relation_of(http.spans, f"{queue} send", f"{queue} process") == relation
    assert is_child(http.spans, "handle", f"{queue} process")


def test_a_batch_is_linked_to_its_producers(http: Sink, kafka: str, run_python: Run) -> None:
    twice = "producer.produce(queue); producer.flush()"
    program = CONFLUENT_KAFKA.replace("producer.flush()", twice)
    program = program.replace("consumer.poll(0.5) is None", "len(consumer.consume(2, 60)) != 2")
    done = run_python(START + program, http.endpoint, kafka, "batch", **{VARIABLE: "parent"})
    assert done.returncode == 0, done.stderr
    sent = {(span.trace_id, span.span_id) for span in http.spans if span.name == "batch send"}
    links = named(http.spans, "batch process").links
    assert {(link.trace_id, link.span_id) for link in links} == sent
    assert len(sent) == 2


@both_relations
@pytest.mark.parametrize("program", [PIKA, AIO_PIKA], ids=["pika", "aio-pika"])
def test_rabbitmq(relation: str, program: str, http: Sink, rabbitmq: str, run_python: Run) -> None:
    queue = f"{program.split()[1]}-{relation}"
    exchange(run_python, http, program, rabbitmq, queue, relation)
    sent = f",{queue} send" if program is AIO_PIKA else f"{queue} send"
    assert relation_of(http.spans, sent, f"{queue} receive") == relation
    assert is_child(http.spans, "handle", f"{queue} receive")


TASKS = """
import os
from ananta_tracing import create_span, init_tracing

init_tracing("shop", os.environ["ENDPOINT"])
from celery import Celery

app = Celery("tasks", broker=os.environ["RABBITMQ"], backend="rpc://")
app.conf.task_default_queue = os.environ["QUEUE"]


@app.task(name="charge")
def charge(order):
    with create_span("handle"):
        return order + 1


def main():
    with create_span("order"):
        answer = charge.delay(7)
    assert answer.get(timeout=60) == 8
"""


@both_relations
def test_celery(relation: str, http: Sink, rabbitmq: str, tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(TASKS)
    environment = {
        "ENDPOINT": http.endpoint,
        "RABBITMQ": rabbitmq,
        "QUEUE": f"celery-{relation}",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        VARIABLE: relation,
    }
    here = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
    options = ["--app", "tasks", "worker", "--concurrency", "1", "--loglevel", "ERROR"]
    work = "from celery.__main__ import main; main()"
    worker = start_python(here + work, *options, **environment)
    client = start_python(here + "import tasks; tasks.main()", **environment)
    said = client.communicate(timeout=90)
    wait_until(lambda: "run/charge" in {span.name for span in http.spans})
    worker.kill()
    worker.communicate()
    assert client.returncode == 0, said
    assert relation_of(http.spans, "apply_async/charge", "run/charge") == relation
    assert is_child(http.spans, "handle", "run/charge")
