"""Consumers continue the producer's trace or link to it, as set: SQS, Celery and spans by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .conftest import VARIABLE, both_relations, is_child, named, relation_of

if TYPE_CHECKING:
    from ..core.conftest import Run
    from ..core.sink import Sink

SQS = """
    import sys
    from ananta_tracing import create_span, extract, init_tracing

    init_tracing("shop", sys.argv[1])
    import boto3

    sqs = boto3.client("sqs", endpoint_url=sys.argv[2], region_name="eu-west-1",
                       aws_access_key_id="none", aws_secret_access_key="none")
    url = sqs.create_queue(QueueName=sys.argv[3])["QueueUrl"]
    with create_span("order"):
        sqs.send_message(QueueUrl=url, MessageBody="1")
    for message in sqs.receive_message(QueueUrl=url)["Messages"]:
        with create_span("handle"):
            pass
        headers = message["MessageAttributes"]
        with create_span("by hand", kind="consumer", parent=extract(headers)):
            pass
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
"""


@both_relations
def test_sqs(relation: str, http: Sink, sqs: str, run_python: Run) -> None:
    queue = f"orders-{relation}"
    done = run_python(SQS, http.endpoint, sqs, queue, **{VARIABLE: relation})
    assert (done.returncode, done.stderr) == (0, "")
    assert relation_of(http.spans, f"{queue} send", f"{queue} process") == relation
    assert is_child(http.spans, f"{queue} send", "order")
    assert is_child(http.spans, "handle", f"{queue} process")
    assert relation_of(http.spans, f"{queue} send", "by hand") == relation


CELERY = """
    import sys
    from ananta_tracing import create_span, init_tracing

    _, endpoint, redis, relation = sys.argv
    init_tracing("shop", endpoint, messaging_consumers=relation)
    from celery import Celery
    from celery.contrib.testing.worker import start_worker

    app = Celery("tasks", broker=redis, backend=redis)
    app.conf.task_default_queue = relation

    @app.task(name="charge")
    def charge(order):
        with create_span("handle"):
            return order + 1

    with start_worker(app, pool="solo", perform_ping_check=False, loglevel="ERROR"):
        with create_span("order"):
            answer = charge.delay(7)
        assert answer.get(timeout=30) == 8
"""


@both_relations
def test_celery_over_redis(relation: str, http: Sink, redis: str, run_python: Run) -> None:
    done = run_python(CELERY, http.endpoint, redis, relation)
    assert done.returncode == 0, done.stderr
    assert relation_of(http.spans, "apply_async/charge", "run/charge") == relation
    assert is_child(http.spans, "apply_async/charge", "order")
    assert is_child(http.spans, "handle", "run/charge")


BY_HAND = """
    import sys
    from opentelemetry.baggage import get_baggage, set_baggage
    from opentelemetry.context import attach
    from opentelemetry.trace import SpanKind, get_current_span
    from ananta_tracing import create_span, extract, init_tracing, inject

    tracer = init_tracing("shop", sys.argv[1])
    with create_span("send", kind="producer"):
        attach(set_baggage("tenant", "acme"))
        headers = inject([])

    with create_span("receive", kind="consumer", parent=extract(headers)):
        assert get_baggage("tenant") == "acme"
        with create_span("next", kind="consumer"):
            pass
    with create_span("other kind", parent=extract(headers)):
        pass
    with create_span("told", kind="consumer", links=[get_current_span(extract(headers))]):
        pass
    with tracer.start_as_current_span("receive again", extract(headers), kind=SpanKind.CONSUMER):
        pass
"""


@both_relations
def test_spans_by_hand(relation: str, http: Sink, run_python: Run) -> None:
    done = run_python(BY_HAND, http.endpoint, **{VARIABLE: relation})
    assert (done.returncode, done.stderr) == (0, "")
    assert relation_of(http.spans, "send", "receive") == relation
    assert relation_of(http.spans, "send", "receive again") == relation
    # Only what comes from a message is related to it, and what is said in code holds.
    assert is_child(http.spans, "next", "receive")
    assert is_child(http.spans, "other kind", "send")
    assert len(named(http.spans, "told").links) == 1


def test_the_producer_is_the_parent_unless_said_otherwise(http: Sink, run_python: Run) -> None:
    done = run_python(BY_HAND, http.endpoint, **{VARIABLE: "sibling"})
    assert (
        f"{VARIABLE}: unknown relation 'sibling'; write parent or link; parent is used"
        in done.stderr
    )
    assert relation_of(http.spans, "send", "receive") == "parent"
