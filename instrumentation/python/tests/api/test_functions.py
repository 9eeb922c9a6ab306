"""trace_function on every kind of function."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import typing

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from ananta_tracing.functions import trace_function
from ananta_tracing.spans import create_span


def current():
    return trace.get_current_span()


@trace_function
def bare(a, b=2):
    """Add."""
    return a + b


@trace_function()
def parenthesised():
    return 1


@trace_function(name="named", attributes={"component.type": "resistor"}, kind="client")
def configured():
    return 2


def test_with_and_without_parentheses(spans):
    assert (bare(1), parenthesised(), configured()) == (3, 1, 2)
    assert spans.names == ["bare", "parenthesised", "named"]
    spans.assert_span("bare", attributes={"code.function.name": f"{__name__}.bare"})
    spans.assert_span("named", attributes={"component.type": "resistor"}, kind=SpanKind.CLIENT)


def test_name_signature_and_documentation_are_kept():
    assert bare.__name__ == "bare"
    assert bare.__doc__ == "Add."
    assert str(inspect.signature(bare)) == "(a, b=2)"


def test_annotations_are_found_where_the_function_is_at_home():
    # FastAPI looks names in annotations up there: `Service` below is one of this module.
    @trace_function
    async def endpoint(service: Service) -> Service:
        return service

    assert endpoint.__globals__ is globals()
    assert typing.get_type_hints(endpoint) == {"service": Service, "return": Service}


async def test_coroutine_functions(spans):
    @trace_function(name="outer")
    async def outer():
        await asyncio.sleep(0)
        return await inner()

    @trace_function(name="inner")
    async def inner():
        return 5

    assert inspect.iscoroutinefunction(outer)
    assert await outer() == 5
    spans.assert_trace("outer\n  inner")


class Service:
    @trace_function(arguments=True)
    def method(self, a):
        return self, a

    @trace_function(name="class method below")
    @classmethod
    def below(cls):
        return cls

    @classmethod
    @trace_function(name="class method above", arguments=True)
    def above(cls, a=1):
        return cls

    @trace_function(name="static below")
    @staticmethod
    def static_below():
        return 1

    @staticmethod
    @trace_function(name="static above")
    async def static_above():
        return 2


async def test_methods(spans):
    service = Service()
    assert service.method("x") == (service, "x")
    assert Service.below() is Service
    assert service.above() is Service
    assert Service.static_below() == 1
    assert await service.static_above() == 2
    assert spans.names == [
        "Service.method",
        "class method below",
        "class method above",
        "static below",
        "static above",
    ]
    span = spans.assert_span("Service.method", attributes={"code.argument.a": "x"})
    assert "code.argument.self" not in span.attributes
    assert "code.argument.cls" not in spans.find("class method above")[0].attributes


def test_partials_and_callable_objects(spans):
    class Adder:
        def __call__(self, a):
            return a + 1

    traced = trace_function(functools.partial(bare.__wrapped__, 1))
    assert traced(5) == 6
    assert trace_function(Adder())(1) == 2
    assert spans.names == ["bare", "test_partials_and_callable_objects.Adder.__call__"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            True,
            {
                "code.argument.mpn": "R1",
                "code.argument.options": '{"deep": true}',
                "code.argument.limit": 5,
            },
        ),
        (["mpn"], {"code.argument.mpn": "R1"}),
        ("limit", {"code.argument.limit": 5}),
        ({"mpn": "component.mpn"}, {"component.mpn": "R1"}),
    ],
)
def test_arguments_become_attributes_on_request(spans, arguments, expected):
    @trace_function(name="enrich", arguments=arguments)
    def enrich(mpn, /, limit=5, **options):
        return mpn

    assert enrich("R1", deep=True) == "R1"
    recorded = dict(spans.finished[0].attributes)
    recorded.pop("code.function.name")
    assert recorded == expected


def test_arguments_are_not_recorded_unasked(spans):
    bare(1)
    assert set(spans.finished[0].attributes) == {"code.function.name"}


def test_a_wrong_call_fails_as_it_would_untraced(spans):
    @trace_function(arguments=True)
    def one(a):
        return a

    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        one()


def test_an_argument_that_does_not_exist_is_told_when_decorating():
    with pytest.raises(TypeError, match=r"has no argument 'mpm'; arguments takes of mpn, limit"):

        @trace_function(arguments=["mpm"])
        def enrich(mpn, limit):
            pass


@pytest.mark.parametrize("thing", [7, int])
def test_what_is_no_function_is_refused(thing):
    with pytest.raises(TypeError, match="is not a function"):
        trace_function()(thing)


def test_errors_are_recorded_and_go_on(spans):
    error = ValueError("no")

    @trace_function
    def fails():
        raise error

    with pytest.raises(ValueError, match="no") as caught:
        fails()
    assert caught.value is error
    span = spans.finished[0]
    assert span.status.status_code is StatusCode.ERROR
    assert span.events[0].attributes["exception.message"] == "no"


def test_the_exception_event_can_be_left_out(spans):
    @trace_function(record_exception=False)
    def fails():
        raise ValueError("secret")

    with pytest.raises(ValueError, match="secret"):
        fails()
    assert spans.finished[0].status.status_code is StatusCode.ERROR
    assert spans.finished[0].events == ()
    assert "secret" not in spans.finished[0].status.description


async def test_cancellation_is_no_error(spans):
    @trace_function
    async def waits():
        await asyncio.sleep(60)

    task = asyncio.create_task(waits())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert spans.finished[0].status.status_code is StatusCode.UNSET


def test_a_generator_is_one_span_and_current_only_while_it_runs(spans):
    @trace_function(name="lines")
    def lines():
        for number in range(2):
            with create_span(f"read {number}"):
                assert current().name == f"read {number}"
            assert current().name == "lines"
            yield number
        return "done"

    assert inspect.isgeneratorfunction(lines)

    def consume():
        return (yield from lines())

    with create_span("caller") as caller:
        consumed = consume()
        for number in consumed:
            assert current() is caller
            with create_span(f"use {number}"):
                pass
    spans.assert_trace("""
        caller
          lines
            read 0
            read 1
          use 0
          use 1
    """)


def test_a_span_held_over_a_yield_holds_at_the_next_step_and_not_between(spans):
    @trace_function(name="lines")
    def lines():
        with create_span("held"):
            yield current().name
            yield current().name

    with create_span("caller") as caller:
        generator = lines()
        assert next(generator) == "held"
        assert current() is caller
        assert next(generator) == "held"
        assert next(generator, "end") == "end"
        assert current() is caller
    spans.assert_trace("caller\n  lines\n    held")


def test_send_throw_and_return_reach_a_generator(spans):
    @trace_function
    def echo():
        got = yield "first"
        try:
            got = yield got
        except KeyError:
            got = yield "caught"
        return got

    generator = echo()
    assert next(generator) == "first"
    assert generator.send("sent") == "sent"
    assert generator.throw(KeyError()) == "caught"
    with pytest.raises(StopIteration) as stop:
        generator.send("result")
    assert stop.value.value == "result"
    assert spans.finished[0].status.status_code is StatusCode.UNSET


def test_a_generator_left_early_ends_its_span_without_error(spans):
    closed = []

    @trace_function
    def lines():
        try:
            yield 1
            yield 2
        finally:
            closed.append(current())

    for _ in lines():
        break
    gc.collect()
    (span,) = spans.finished
    assert closed == [span] or closed[0].get_span_context() == span.context
    assert span.status.status_code is StatusCode.UNSET


def test_an_error_in_a_generator_is_recorded(spans):
    @trace_function
    def lines():
        yield 1
        raise ValueError("line 2")

    with pytest.raises(ValueError, match="line 2"):
        list(lines())
    assert spans.finished[0].status.status_code is StatusCode.ERROR


async def test_an_async_generator_does_not_leak_into_its_caller(spans):
    @trace_function(name="pages")
    async def pages():
        for number in range(2):
            await asyncio.sleep(0)
            with create_span(f"fetch {number}"):
                await asyncio.sleep(0)
            yield number

    assert inspect.isasyncgenfunction(pages)
    with create_span("caller") as caller:
        async for number in pages():
            assert current() is caller
            with create_span(f"use {number}"):
                pass
        assert current() is caller
    spans.assert_trace("""
        caller
          pages
            fetch 0
            fetch 1
          use 0
          use 1
    """)


async def test_asend_and_athrow_reach_an_async_generator(spans):
    @trace_function
    async def echo():
        got = yield "first"
        try:
            yield got
        except KeyError:
            yield "caught"

    generator = echo()
    assert await anext(generator) == "first"
    assert await generator.asend("sent") == "sent"
    assert await generator.athrow(KeyError()) == "caught"
    with pytest.raises(StopAsyncIteration):
        await anext(generator)
    assert spans.finished[0].status.status_code is StatusCode.UNSET


def test_an_abandoned_async_generator_is_one_span_without_any_error(spans, caplog):
    left = []

    @trace_function(name="pages")
    async def pages():
        try:
            with create_span("held over the yield"):
                yield 1
                yield 2
        finally:
            await asyncio.sleep(0)
            left.append("closed")

    async def main():
        with create_span("caller") as caller:
            async for _ in pages():
                break
            gc.collect()
            await asyncio.sleep(0.01)
            assert current() is caller

    asyncio.run(main())
    assert left == ["closed"]
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    spans.assert_trace("caller\n  pages\n    held over the yield")
    spans.assert_no_orphans()
    assert all(span.status.status_code is StatusCode.UNSET for span in spans.finished)
