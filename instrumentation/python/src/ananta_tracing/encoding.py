"""From ended spans straight to OTLP protobuf bytes, without protobuf objects in between.

`SpanEncoder.encode_span` writes one span the moment it ends; `encode_request` only joins what has
been written. The field numbers are those of opentelemetry-proto `trace.proto` and `common.proto`.
Plain Python is fast here because little is computed: tags, short lengths and small numbers come
from tables, and keys and names are remembered in the form in which they are sent.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.trace import DEFAULT_TRACE_STATE, StatusCode

from ananta_tracing.redaction import may_tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import Link, SpanContext, Status, TraceState
    from opentelemetry.util.types import AnyValue

Described = TypeVar("Described")


class Origin(NamedTuple):
    """Where spans come from."""

    resource: Resource
    scope: InstrumentationScope | None


def encode_varint(number: int) -> bytes:
    """A number from 0 to 2**64 - 1, seven bits a byte, the lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_SMALL = tuple(map(encode_varint, range(1024)))
_UINT64 = (1 << 64) - 1
_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1
_pack_double = struct.Struct("<d").pack
_pack_ids = struct.Struct(">2sQQ2sQ").pack
_pack_times = struct.Struct("<BQBQ").pack
_pack_fixed64 = struct.Struct("<Q").pack
_pack_two_bytes = struct.Struct("<H").pack

# The tags of attributes.
_SPAN_ATTRIBUTE = b"\x4a"
_EVENT_ATTRIBUTE = b"\x1a"
_LINK_ATTRIBUTE = b"\x22"
_RESOURCE_ATTRIBUTE = b"\x0a"
_SCOPE_ATTRIBUTE = b"\x1a"

_KIND = tuple(b"\x30" + _SMALL[kind + 1] for kind in range(5))
_FLAGS_LOCAL_PARENT = b"\x85\x01\x00\x01\x00\x00"
_FLAGS_REMOTE_PARENT = b"\x85\x01\x00\x03\x00\x00"
_LINK_FLAGS_LOCAL = b"\x35\x00\x01\x00\x00"
_LINK_FLAGS_REMOTE = b"\x35\x00\x03\x00\x00"
_STATUS_UNSET = b"\x7a\x00"
_TRUE = b"\x12\x02\x10\x01"
_FALSE = b"\x12\x02\x10\x00"

_REMEMBERED_ITEMS = 4096
_REMEMBERED_LENGTH = 128
_REMEMBERED_KEYS = 4096
_DEEPEST = 32


def _varint(number: int) -> bytes:
    if number < 1024:
        return _SMALL[number]
    if number < 1 << 14:
        return _pack_two_bytes(number & 0x7F | 0x80 | number >> 7 << 8)
    return encode_varint(number)


def _field(tag: bytes, data: bytes) -> bytes:
    return b"".join((tag, _varint(len(data)), data))


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which protobuf could not carry
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _int_value(number: int) -> bytes:
    if _INT64_MIN <= number <= _INT64_MAX:
        return b"\x18" + _varint(number & _UINT64)
    return _field(b"\x0a", str(number).encode())  # a text keeps every digit; int64 cannot


def _begin_text(length: int) -> bytes:
    inner = b"\x0a" + _varint(length)
    return b"\x12" + _varint(len(inner) + length) + inner


# What the hot loop is made of: an attribute of a span is a head by its length, the key, the value.
# A value that is a text of a usual length is a beginning by its length and the text.
_LONGEST_PLAIN_KEY, _LONGEST_PLAIN_TEXT = 256, 512
_HEADS = tuple(_SPAN_ATTRIBUTE + length for length in _SMALL)
_TEXTS = tuple(map(_begin_text, range(_LONGEST_PLAIN_TEXT)))
_INTEGERS = tuple(_field(b"\x12", b"\x18" + number) for number in _SMALL)


def encode_any_value(value: AnyValue, depth: int = 0) -> bytes:
    """The content of an `AnyValue`. What no type of OTLP holds is written as its text."""
    if value is None:
        return b""
    if isinstance(value, str):
        return _field(b"\x0a", _utf8(value))
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return _int_value(value)
    if isinstance(value, float):
        return b"\x21" + _pack_double(value)
    if isinstance(value, bytes):
        return _field(b"\x3a", value)
    if depth >= _DEEPEST or not isinstance(value, (Sequence, Mapping)):
        return _field(b"\x0a", _utf8(str(value)))
    if isinstance(value, Sequence):
        items = (_field(b"\x0a", encode_any_value(item, depth + 1)) for item in value)
        return _field(b"\x2a", b"".join(items))
    pairs = (
        _field(
            b"\x0a",
            _field(b"\x0a", _utf8(str(key))) + _field(b"\x12", encode_any_value(item, depth + 1)),
        )
        for key, item in value.items()
    )
    return _field(b"\x32", b"".join(pairs))


def _raw_items(attributes: Any) -> Iterable[tuple[str, Any]]:
    """The items of attributes, past the locks and views of the SDK's container."""
    if isinstance(attributes, BoundedAttributes):
        return attributes._dict.items()
    return attributes.items() if attributes else ()


class SpanEncoder:
    """Writes spans. Safe to use from several threads: what it remembers may be lost, never wrong.

    Args:
        redact: called with (key, value) of each attribute, and with `span.name`, `event.name` and
            `status.description`; what it returns is sent, None removes an attribute. The answer
            may depend on nothing but key and value. A `Redactor` is asked beforehand which keys
            `leaves` and `examines`, and not called for the values that need it not.
    """

    def __init__(self, redact: Callable[[str, AnyValue], AnyValue] | None = None) -> None:
        self._redact = redact
        self._leaves: Callable[[str], bool] = getattr(redact, "leaves", lambda _: redact is None)
        self._examines: Callable[[str], bool] = getattr(redact, "examines", lambda _: False)
        self._keys: dict[str, bytes] = {}
        # Those of which numbers are sent as they are, and texts as well unless they are examined:
        # one entry says both, for threads that read it while another makes it.
        self._plain_keys: dict[str, tuple[bytes, bool]] = {}
        self._harmless: set[str] = set()
        # Of redacted keys. A type has its own, because 1 == True; floats have none, because
        # 0.0 == -0.0.
        self._remembered: dict[type, dict[tuple[str, Any], bytes]] = {str: {}, int: {}, bool: {}}
        self._names: dict[str, bytes] = {}
        self._numbers: dict[int, bytes] = {}

    def encode_span(self, span: ReadableSpan) -> bytes:
        """The span as an entry of `ScopeSpans.spans`: tag, length, content."""
        context: SpanContext = span._context  # type: ignore[assignment]
        trace_id, span_id, _, _, trace_state, _ = context
        parts = [_pack_ids(b"\x0a\x10", trace_id >> 64, trace_id & _UINT64, b"\x12\x08", span_id)]
        if trace_state is not DEFAULT_TRACE_STATE and trace_state:
            parts.append(_trace_state(trace_state))
        flags = _FLAGS_LOCAL_PARENT
        parent = span._parent
        if parent is not None:
            parts.append(b"\x22\x08" + parent.span_id.to_bytes(8, "big"))
            if parent.is_remote:
                flags = _FLAGS_REMOTE_PARENT
        name = span._name
        parts.append(self._names.get(name) or self._encode_name(name))
        parts.append(_KIND[span._kind._value_])  # `value` of an Enum is slow
        parts.append(_pack_times(0x39, span._start_time or 0, 0x41, span._end_time or 0))
        self._encode_attributes(parts, span._attributes)
        self._encode_rest(parts, span)
        parts.append(flags)
        body = b"".join(parts)
        return b"\x12" + _varint(len(body)) + body

    def _encode_attributes(self, parts: list[bytes], attributes: Any) -> None:
        """Append the attributes of a span: the hot loop."""
        plain_keys, numbers = self._plain_keys.get, self._numbers.get
        harmless = self._harmless
        for key, value in _raw_items(attributes):
            known = plain_keys(key)
            if known is None:
                parts.append(self._unusual_attribute(key, value))
                continue
            plain_key, is_examined = known
            kind, encoded = type(value), b""
            if kind is str:
                if is_examined and value not in harmless and self._may_tell(value):
                    parts.append(self._attribute(key, value, _SPAN_ATTRIBUTE))
                    continue
                text = _utf8(value)
                length = len(text)
                if length < _LONGEST_PLAIN_TEXT:
                    begin = _TEXTS[length]
                    size = len(plain_key) + len(begin) + length
                    parts += (_HEADS[size], plain_key, begin, text)
                    continue
            elif kind is float:
                encoded = b"\x12\x09\x21" + _pack_double(value)
            elif kind is bool:
                encoded = _TRUE if value else _FALSE
            elif kind is int:
                if 0 <= value < 1024:
                    encoded = _INTEGERS[value]
                else:
                    encoded = numbers(value) or self._encode_number(value)
            if encoded:
                parts += (_HEADS[len(plain_key) + len(encoded)], plain_key, encoded)
            else:
                parts.append(self._attribute(key, value, _SPAN_ATTRIBUTE))

    def _encode_number(self, number: int) -> bytes:
        """A number with its field, remembered, for ports come again; nothing beyond int64."""
        if not _INT64_MIN <= number <= _INT64_MAX:
            return b""
        if len(self._numbers) >= _REMEMBERED_ITEMS:
            self._numbers.clear()
        encoded = self._numbers[number] = _field(b"\x12", _int_value(number))
        return encoded

    def _may_tell(self, text: str) -> bool:
        """Whether a text goes through the rules; what need not is remembered."""
        if may_tell(text):
            return True
        if len(text) <= _REMEMBERED_LENGTH:
            if len(self._harmless) >= _REMEMBERED_ITEMS:
                self._harmless.clear()
            self._harmless.add(text)
        return False

    def _unusual_attribute(self, key: str, value: AnyValue) -> bytes:
        """That of a key that is redacted, long, or seen for the first time."""
        if self._leaves(key):
            encoded = self._key(key)
            if len(encoded) <= _LONGEST_PLAIN_KEY:
                self._plain_keys[key] = encoded, self._examines(key)
            return self._attribute(key, value, _SPAN_ATTRIBUTE)
        known = self._remembered.get(type(value))
        if known is None:
            return self._attribute(key, value, _SPAN_ATTRIBUTE)
        return known.get((key, value)) or self._remember(known, (key, value))

    def _remember(self, known: dict[tuple[str, Any], bytes], item: tuple[str, Any]) -> bytes:
        encoded = self._attribute(*item, _SPAN_ATTRIBUTE)
        if len(encoded) <= _REMEMBERED_LENGTH:
            if len(known) >= _REMEMBERED_ITEMS:
                known.clear()
            known[item] = encoded
        return encoded

    def _encode_name(self, name: str) -> bytes:
        sent = name if self._redact is None else str(self._redact("span.name", name))
        encoded = _field(b"\x2a", _utf8(sent))
        if len(self._names) >= _REMEMBERED_KEYS:
            self._names = {}
        self._names[name] = encoded
        return encoded

    def _key(self, key: str) -> bytes:
        encoded = _field(b"\x0a", _utf8(key))
        if len(self._keys) >= _REMEMBERED_KEYS:
            self._keys, self._plain_keys = {}, {}
        self._keys[key] = encoded
        return encoded

    def _attribute(self, key: str, value: AnyValue, tag: bytes) -> bytes:
        """A `KeyValue` as an entry of the field with this tag; nothing where it is removed."""
        if self._redact is not None and value is not None:
            _, is_examined = self._plain_keys.get(key, (b"", True))
            if is_examined:
                value = self._redact(key, value)
                if value is None:
                    return b""
        encoded_key = self._keys.get(key) or self._key(key)
        kind = type(value)
        if kind is bool:
            any_value = _TRUE if value else _FALSE
        elif kind is float:
            any_value = b"\x12\x09\x21" + _pack_double(value)
        else:
            if kind is str:
                content = _field(b"\x0a", _utf8(value))  # type: ignore[arg-type]
            elif kind is int and 0 <= value < 1024:  # type: ignore[operator]
                content = b"\x18" + _SMALL[value]  # type: ignore[index]
            else:
                content = encode_any_value(value)
            any_value = _field(b"\x12", content)
        length = len(encoded_key) + len(any_value)
        return b"".join((tag, _varint(length), encoded_key, any_value))

    def _attributes(self, attributes: Any, tag: bytes) -> list[bytes]:
        """All attributes as entries of the field with this tag."""
        return [self._attribute(key, value, tag) for key, value in _raw_items(attributes)]

    def _encode_rest(self, parts: list[bytes], span: ReadableSpan) -> None:
        """Append what most spans have nothing of: drops, events, links, status."""
        if dropped := getattr(span._attributes, "dropped", 0):
            parts.append(b"\x50" + _varint(dropped))
        events: Sequence[Event] = span._events
        if type(events) is not tuple or events:
            parts += [_field(b"\x5a", self._event(event)) for event in events]
            if dropped := span.dropped_events:
                parts.append(b"\x60" + _varint(dropped))
        links: Sequence[Link] = span._links
        if type(links) is not tuple or links:
            parts += [_field(b"\x6a", self._link(link)) for link in links]
            if dropped := span.dropped_links:
                parts.append(b"\x70" + _varint(dropped))
        parts.append(self._status(span._status))

    def _event(self, event: Event) -> bytes:
        name = event.name if self._redact is None else self._redact("event.name", event.name)
        parts = [b"\x09", _pack_fixed64(event.timestamp), _field(b"\x12", _utf8(str(name)))]
        parts += self._attributes(event.attributes, _EVENT_ATTRIBUTE)
        if dropped := event.dropped_attributes:
            parts.append(b"\x20" + _varint(dropped))
        return b"".join(parts)

    def _link(self, link: Link) -> bytes:
        context = link.context
        trace_id = context.trace_id
        parts = [
            _pack_ids(b"\x0a\x10", trace_id >> 64, trace_id & _UINT64, b"\x12\x08", context.span_id)
        ]
        if context.trace_state:
            parts.append(_trace_state(context.trace_state))
        parts += self._attributes(link.attributes, _LINK_ATTRIBUTE)
        if dropped := link.dropped_attributes:
            parts.append(b"\x28" + _varint(dropped))
        parts.append(_LINK_FLAGS_REMOTE if context.is_remote else _LINK_FLAGS_LOCAL)
        return b"".join(parts)

    def _status(self, status: Status) -> bytes:
        code, description = status.status_code, status.description
        if code is StatusCode.UNSET and not description:
            return _STATUS_UNSET
        if description and self._redact is not None:
            description = str(self._redact("status.description", description))
        message = _field(b"\x12", _utf8(description)) if description else b""
        return _field(b"\x7a", message + (b"\x18" + _SMALL[code.value] if code.value else b""))

    def encode_resource(self, resource: Resource) -> bytes:
        """The resource as the first field of `ResourceSpans`."""
        return _field(b"\x0a", b"".join(self._attributes(resource.attributes, _RESOURCE_ATTRIBUTE)))

    def encode_scope(self, scope: InstrumentationScope | None) -> bytes:
        """The scope as the first field of `ScopeSpans`."""
        if scope is None:
            return b"\x0a\x00"
        parts = [_field(b"\x0a", _utf8(scope.name))] if scope.name else []
        if scope.version:
            parts.append(_field(b"\x12", _utf8(scope.version)))
        parts += self._attributes(scope.attributes, _SCOPE_ATTRIBUTE)
        return _field(b"\x0a", b"".join(parts))


def _trace_state(trace_state: TraceState) -> bytes:
    return _field(b"\x1a", _utf8(trace_state.to_header()))


class RequestEncoder:
    """Joins spans into requests; resources and scopes are written once and kept.

    Used by one thread at a time.
    """

    def __init__(self, encoder: SpanEncoder) -> None:
        self._encoder = encoder
        # Keyed by identity, which is cheap and safe while the object itself is kept beside it.
        self._known: dict[int, tuple[object, bytes]] = {}

    def encode_request(self, origins: Iterable[Origin], spans: Iterable[bytes]) -> bytes:
        """An `ExportTraceServiceRequest` of spans, grouped by resource and scope.

        Args:
            origins: one for each span; spans of the same may share the object.
            spans: as `SpanEncoder.encode_span` wrote them.
        """
        by_origin: dict[int, tuple[Origin, list[bytes]]] = {}
        for origin, span in zip(origins, spans, strict=True):
            known = by_origin.get(id(origin))
            if known is None:
                known = by_origin[id(origin)] = origin, []
            known[1].append(span)
        resources: dict[int, tuple[Resource, dict[int, tuple[Any, list[bytes]]]]] = {}
        for (resource, scope), members in by_origin.values():
            _, scopes = resources.setdefault(id(resource), (resource, {}))
            scopes.setdefault(id(scope), (scope, []))[1].extend(members)
        return b"".join(
            _field(b"\x0a", self._resource_spans(resource, scopes))
            for resource, scopes in resources.values()
        )

    def _resource_spans(
        self, resource: Resource, scopes: Mapping[int, tuple[Any, list[bytes]]]
    ) -> bytes:
        parts = [self._once(resource, self._encoder.encode_resource)]
        for scope, spans in scopes.values():
            schema_url = scope.schema_url if scope is not None else None
            ending = _field(b"\x1a", _utf8(schema_url)) if schema_url else b""
            head = self._once(scope, self._encoder.encode_scope)
            parts.append(_field(b"\x12", b"".join((head, *spans, ending))))
        if resource.schema_url:
            parts.append(_field(b"\x1a", _utf8(resource.schema_url)))
        return b"".join(parts)

    def _once(self, described: Described, encode: Callable[[Described], bytes]) -> bytes:
        """A resource or a scope, encoded when it is first seen."""
        known = self._known.get(id(described))
        if known is None:
            if len(self._known) >= _REMEMBERED_KEYS:
                self._known.clear()
            known = self._known[id(described)] = described, encode(described)
        return known[1]
