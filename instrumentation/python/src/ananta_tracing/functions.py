"""`trace_function`: every call of a function is a span, whatever kind of function it is.

Generators are one span from the first item to the last. The span is current only while the
generator runs, never while it waits at a `yield`: the caller's own spans stay the caller's.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from opentelemetry import trace

from ananta_tracing import setup
from ananta_tracing.activation import Steps, attach_span, detach
from ananta_tracing.attributes import LazyAttributes, coerce
from ananta_tracing.spans import Kind, read_kind, record_error

if TYPE_CHECKING:
    from opentelemetry.trace import Span, SpanKind

Function = TypeVar("Function", bound="Callable[..., Any] | classmethod[Any, Any, Any]")
Arguments = bool | Collection[str] | Mapping[str, str]

FUNCTION_NAME = "code.function.name"
ARGUMENT_PREFIX = "code.argument."


@overload
def trace_function(name: Function, /) -> Function: ...


@overload
def trace_function(
    name: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    *,
    kind: Kind = None,
    record_exception: bool = True,
    arguments: Arguments = False,
) -> Callable[[Function], Function]: ...


def trace_function(
    name: Any = None,
    attributes: Mapping[str, Any] | None = None,
    *,
    kind: Kind = None,
    record_exception: bool = True,
    arguments: Arguments = False,
) -> Any:
    """Make every call of a function a span; with or without parentheses.

    Functions, coroutine functions, generators, async generators, methods, class methods and static
    methods (above or below `@classmethod` and `@staticmethod`) keep their kind and their signature.
    An exception is recorded, the span gets the status ERROR and the same exception goes on;
    cancellation and the closing of a generator are no errors.

    Args:
        name: the name of the spans; the qualified name of the function if None.
        attributes: what every span of it carries, beside `code.function.name`.
        kind: as in `create_span`.
        record_exception: whether exceptions are recorded as events; the status is set either way.
        arguments: True records every argument as `code.argument.<name>` (never `self` or `cls`),
            names record those alone, and a mapping says under which attribute each is recorded.

    Raises:
        TypeError: what is decorated is not a function, or has no such argument.

    >>> @trace_function
    ... def lookup(mpn):
    ...     return mpn.upper()
    >>> @trace_function(name="enrich", attributes={"component.type": "resistor"}, arguments=["mpn"])
    ... def enrich(mpn, manufacturer):
    ...     return lookup(mpn)
    >>> enrich("rc0402", "Yageo")
    'RC0402'
    """
    if name is not None and not isinstance(name, str):
        return trace_function()(name)
    span_kind = read_kind(kind)

    def decorate(function: Function) -> Function:
        return _decorate(  # type: ignore[no-any-return]
            function,
            name,
            attributes,
            span_kind,
            record_exception=record_exception,
            arguments=arguments,
        )

    return decorate


def _decorate(
    function: Any,
    name: str | None,
    attributes: Mapping[str, Any] | None,
    kind: SpanKind,
    *,
    record_exception: bool,
    arguments: Arguments,
) -> Any:
    if isinstance(function, (classmethod, staticmethod)):
        inner = _decorate(
            function.__func__,
            name,
            attributes,
            kind,
            record_exception=record_exception,
            arguments=arguments,
        )
        return type(function)(inner)
    if isinstance(function, type) or not callable(function):
        message = (
            f"trace_function: {function!r} is not a function; decorate functions and methods,"
            " and give the name of the span as text: @trace_function(name='...')"
        )
        raise TypeError(message)
    call = _Call(function, name, attributes, kind, record_exception, arguments)
    target = function if inspect.isroutine(function) else _plain(function)
    if inspect.isasyncgenfunction(target):
        wrapper = _wrap_async_generator(function, call)
    elif inspect.iscoroutinefunction(target):
        wrapper = _wrap_coroutine(function, call)
    elif inspect.isgeneratorfunction(target):
        wrapper = _wrap_generator(function, call)
    else:
        wrapper = _wrap_function(function, call)
    return functools.wraps(function)(_at_home(wrapper, target))


def _at_home(wrapper: Any, target: Any) -> Any:
    """The wrapper, with the globals of what it wraps.

    Older releases of FastAPI look the annotations of an endpoint up there. For that, wrappers use
    no globals of this module.
    """
    home = getattr(target, "__globals__", None)
    if home is None:
        return wrapper
    return types.FunctionType(wrapper.__code__, home, closure=wrapper.__closure__)


def _plain(function: Any) -> Any:
    """The function inside a partial, or the `__call__` of an object."""
    while isinstance(function, functools.partial):
        function = function.func
    return function if inspect.isroutine(function) else type(function).__call__


class _Call:
    """What the calls of one function have in common."""

    __slots__ = ("_attributes", "_kind", "_name", "_parameters", "_records", "_signature")

    def __init__(
        self,
        function: Callable[..., Any],
        name: str | None,
        attributes: Mapping[str, Any] | None,
        kind: SpanKind,
        record_exception: bool,  # noqa: FBT001 - private, one caller
        arguments: Arguments,
    ) -> None:
        target = function if hasattr(function, "__qualname__") else _plain(function)
        qualified = target.__qualname__.replace("<locals>.", "")
        self._name = name or qualified
        self._kind = kind
        self._records = record_exception
        self._attributes = {
            FUNCTION_NAME: f"{target.__module__}.{qualified}",
            **coerce(attributes),
        }
        self._signature: inspect.Signature | None = None
        self._parameters: dict[str, str] = {}
        if arguments:
            self._signature = inspect.signature(function)
            self._parameters = _read_parameters(self._signature, arguments, qualified)

    def start(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Span:
        signature = self._signature
        attributes: Mapping[str, Any] = self._attributes
        if signature is not None:
            attributes = LazyAttributes(
                lambda: {**self._attributes, **self._record_arguments(arguments, keywords)}
            )
        return setup.tracer().start_span(self._name, None, self._kind, attributes)

    def _record_arguments(
        self, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> dict[str, Any]:
        assert self._signature is not None
        try:
            bound = self._signature.bind(*arguments, **keywords)
        except TypeError:
            return {}  # The call itself is about to say so.
        bound.apply_defaults()
        values = bound.arguments
        return coerce({key: values[name] for name, key in self._parameters.items()})

    def fail(self, span: Span, error: BaseException) -> None:
        if self._records:
            record_error(span, error)
        elif isinstance(error, Exception):
            span.set_status(trace.Status(trace.StatusCode.ERROR, type(error).__name__))


def _read_parameters(
    signature: inspect.Signature, arguments: Arguments, function: str
) -> dict[str, str]:
    """Parameter -> attribute."""
    names = list(signature.parameters)
    if arguments is True:
        receiver = {names[0]} & {"self", "cls"} if names else set()
        return {name: ARGUMENT_PREFIX + name for name in names if name not in receiver}
    if isinstance(arguments, str):
        arguments = [arguments]
    assert not isinstance(arguments, bool)
    wanted = (
        dict(arguments)
        if isinstance(arguments, Mapping)
        else {name: ARGUMENT_PREFIX + name for name in arguments}
    )
    for name in wanted:
        if name not in signature.parameters:
            message = (
                f"trace_function: {function} has no argument {name!r};"
                f" arguments takes of {', '.join(names)}"
            )
            raise TypeError(message)
    return wanted


def _wrap_function(function: Callable[..., Any], call: _Call) -> Callable[..., Any]:
    activate, restore = attach_span, detach

    def traced(*arguments: Any, **keywords: Any) -> Any:
        span = call.start(arguments, keywords)
        token = activate(span)
        try:
            return function(*arguments, **keywords)
        except BaseException as error:
            call.fail(span, error)
            raise
        finally:
            restore(token)
            span.end()

    return traced


def _wrap_coroutine(function: Callable[..., Any], call: _Call) -> Callable[..., Any]:
    activate, restore = attach_span, detach

    async def traced(*arguments: Any, **keywords: Any) -> Any:
        span = call.start(arguments, keywords)
        token = activate(span)
        try:
            return await function(*arguments, **keywords)
        except BaseException as error:
            call.fail(span, error)
            raise
        finally:
            restore(token)
            span.end()

    return traced


def _wrap_generator(
    function: Callable[..., Generator[Any, Any, Any]], call: _Call
) -> Callable[..., Any]:
    steps, in_context = Steps, trace.set_span_in_context

    def traced(*arguments: Any, **keywords: Any) -> Generator[Any, Any, Any]:
        span = call.start(arguments, keywords)
        step = steps(in_context(span))
        try:
            generator = function(*arguments, **keywords)
            resume: Callable[[Any], Any] = generator.send
            value: Any = None
            while True:
                with step:
                    try:
                        item = resume(value)
                    except StopIteration as stop:
                        return stop.value
                try:
                    value = yield item
                    resume = generator.send
                except GeneratorExit:
                    with step:
                        generator.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - the generator's to handle
                    value, resume = error, generator.throw
        except BaseException as error:
            call.fail(span, error)
            raise
        finally:
            span.end()

    return traced


def _wrap_async_generator(
    function: Callable[..., AsyncGenerator[Any, Any]], call: _Call
) -> Callable[..., Any]:
    steps, in_context = Steps, trace.set_span_in_context

    async def traced(*arguments: Any, **keywords: Any) -> AsyncGenerator[Any, Any]:
        span = call.start(arguments, keywords)
        step = steps(in_context(span))
        try:
            generator = function(*arguments, **keywords)
            resume: Callable[[Any], Any] = generator.asend
            value: Any = None
            while True:
                with step:
                    try:
                        item = await resume(value)
                    except StopAsyncIteration:
                        return
                try:
                    value = yield item
                    resume = generator.asend
                except GeneratorExit:
                    with step:
                        await generator.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - the generator's to handle
                    value, resume = error, generator.athrow
        except BaseException as error:
            call.fail(span, error)
            raise
        finally:
            span.end()

    return traced
