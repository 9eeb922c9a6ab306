"""Log records and structlog events carry the ids of the trace."""

from __future__ import annotations

import dataclasses
import io
import json
import logging

import pytest
import structlog

from ananta_tracing.logs import add_trace_ids, correlate, uncorrelate
from ananta_tracing.settings import resolve_settings
from ananta_tracing.spans import create_span, current_trace_id


@pytest.fixture
def log():
    correlate()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(trace_id)s/%(span_id)s %(message)s"))
    logger = logging.getLogger("shop")
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)
    uncorrelate()


def test_records_carry_both_ids_inside_a_trace_and_none_outside(spans, log):
    logger, stream = log
    logger.warning("before")
    with create_span("load") as span:
        logger.warning("inside")
    context = span.get_span_context()
    assert stream.getvalue() == (
        f"/ before\n{context.trace_id:032x}/{context.span_id:016x} inside\n"
    )


def test_fields_of_the_application_are_kept(log):
    logger, stream = log
    logger.warning("mine", extra={"trace_id": "given"})
    assert stream.getvalue() == "given/ mine\n"


def test_json_formatters_that_take_the_fields_find_them(spans, log, caplog):
    logger, _ = log
    with create_span("load"):
        logger.warning("inside")
        assert caplog.records[-1].__dict__["trace_id"] == current_trace_id()


def test_correlating_twice_is_correlating_once():
    make_record = logging.Logger.makeRecord
    correlate()
    correlate()
    uncorrelate()
    assert logging.Logger.makeRecord is make_record


def test_settings_can_turn_it_off():
    settings = dataclasses.replace(resolve_settings({}, {}), log_correlation=False)
    make_record = logging.Logger.makeRecord
    correlate(settings)
    assert logging.Logger.makeRecord is make_record


def test_structlog(spans):
    stream = io.StringIO()
    logger = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=[add_trace_ids, structlog.processors.JSONRenderer()],
    )
    with create_span("load") as span:
        logger.info("loaded", bom=7)
    assert json.loads(stream.getvalue()) == {
        "event": "loaded",
        "bom": 7,
        "trace_id": f"{span.get_span_context().trace_id:032x}",
        "span_id": f"{span.get_span_context().span_id:016x}",
    }
