"""The native extension: the hot path, in whole batches."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from ananta.config.shared import CorsConfig, TlsClientConfig, TlsServerConfig

def crc32(data: bytes, before: int = 0) -> int: ...

class SpanBatch:
    """Many spans with their resources and scopes; immutable."""

    @staticmethod
    def from_otlp(data: bytes | Sequence[bytes]) -> SpanBatch: ...
    @staticmethod
    def from_otlp_json(data: bytes) -> SpanBatch: ...
    @staticmethod
    def concat(batches: Sequence[SpanBatch]) -> SpanBatch: ...
    @property
    def nbytes(self) -> int: ...
    def __len__(self) -> int: ...
    def to_otlp(self) -> bytes: ...
    def to_otlp_json(self) -> bytes: ...
    def split(self, max_spans: int) -> list[SpanBatch]: ...
    def filter(self, mask: Sequence[bool]) -> SpanBatch: ...
    def rows(self) -> list[dict[str, Any]]: ...
    def to_arrow(self) -> Any: ...
    def to_pandas(self) -> Any: ...

def jaeger_traces(
    batch: SpanBatch,
    trace_ids: Sequence[bytes],
    *,
    adjust: bool,
    max_clock_skew_seconds: float = 0.0,
) -> tuple[bytes, list[bytes]]: ...
def jaeger_transform(batch: SpanBatch) -> bytes: ...

class TraceChoice:
    """The spans of a large trace that are to be shown."""

    @staticmethod
    def choose(answer: bytes, root: bytes | None, limit: int) -> TraceChoice | None: ...
    def stretches(self, size: int) -> list[tuple[int, int, str]]: ...

def trace_columns(
    batch: SpanBatch,
    trace_id: bytes,
    *,
    adjust: bool,
    max_clock_skew_seconds: float = 0.0,
    root: bytes | None = None,
    choice: TraceChoice | None = None,
) -> bytes | None: ...
def links_to(
    batch: SpanBatch, trace_id: bytes
) -> list[tuple[bytes, bytes, bytes, str, str, int]]: ...

class AttributeActions:
    """A list of attribute actions, compiled."""

    def __init__(self, actions: Sequence[Mapping[str, Any]]) -> None: ...
    def apply_to_spans(self, batch: SpanBatch, matcher: SpanMatcher | None = None) -> SpanBatch: ...
    def apply_to_resources(self, batch: SpanBatch) -> SpanBatch: ...

class SpanMatcher:
    """Selects spans: those `include` matches, less those `exclude` matches."""

    def __init__(
        self, include: Mapping[str, Any] | None, exclude: Mapping[str, Any] | None
    ) -> None: ...

class SpanRules:
    """Rules for span names and status, with attribute actions."""

    def __init__(self, settings: Mapping[str, Any]) -> None: ...
    def apply(self, batch: SpanBatch, matcher: SpanMatcher | None = None) -> SpanBatch: ...

class TraceSampler:
    """Keeps a share of all traces."""

    def __init__(
        self,
        *,
        mode: str,
        percentage: float,
        hash_seed: int,
        precision: int,
        fail_closed: bool,
    ) -> None: ...
    @property
    def never(self) -> bool: ...
    def sample(self, batch: SpanBatch) -> tuple[SpanBatch, list[tuple[str, bool, int]]]: ...

def pattern_groups(pattern: str) -> list[str | None]: ...

# The OTLP door. Times are seconds, None means without end.

class GrpcDoorOptions(TypedDict):
    endpoint: str
    transport: str
    tls: TlsServerConfig | None
    max_connections: int
    max_message_bytes: int
    max_concurrent_streams: int
    max_connection_idle_seconds: float | None
    max_connection_age_seconds: float | None
    max_connection_age_grace_seconds: float | None
    keepalive_time_seconds: float
    keepalive_timeout_seconds: float
    stall_seconds: float

class HttpDoorOptions(TypedDict):
    endpoint: str
    transport: str
    tls: TlsServerConfig | None
    max_connections: int
    traces_path: str
    max_body_bytes: int
    compression_algorithms: list[str]
    cors: CorsConfig | None
    response_headers: list[tuple[str, str]]
    keep_alives: bool
    read_timeout_seconds: float | None
    read_header_timeout_seconds: float | None
    write_timeout_seconds: float | None
    idle_timeout_seconds: float | None
    stall_seconds: float

class OtlpDoor:
    """Receives OTLP over gRPC and HTTP and hands out what arrived in groups."""

    def __init__(self, max_pending_bytes: int, max_group_bytes: int) -> None: ...
    def serve_grpc(self, options: GrpcDoorOptions) -> str: ...
    def serve_http(self, options: HttpDoorOptions) -> str: ...
    def fileno(self) -> int: ...
    def take(self) -> Group | None: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...
    def spans(self, transport: str, *, accepted: bool) -> int: ...
    def requests(self, transport: str, outcome: str) -> int: ...
    @staticmethod
    def outcomes() -> list[str]: ...
    @property
    def drained(self) -> bool: ...
    @property
    def connections(self) -> int: ...
    @property
    def connections_refused(self) -> int: ...
    @property
    def waiting(self) -> int: ...
    @property
    def pending_bytes(self) -> int: ...

class Group:
    """Everything that arrived at a door since the last group was taken; answer it once."""

    @property
    def batch(self) -> SpanBatch: ...
    @property
    def spans(self) -> int: ...
    @property
    def requests(self) -> int: ...
    @property
    def grpc_spans(self) -> int: ...
    @property
    def http_spans(self) -> int: ...
    def accept(self, rejected_spans: int = 0, message: str = "") -> None: ...
    def refuse(
        self, grpc_status: int, message: str, retry_after_seconds: float | None = None
    ) -> None: ...

# The OTLP clients. Times are seconds, None means never; counts of None mean no limit.

class GrpcClientOptions(TypedDict):
    target: str
    tls: TlsClientConfig | None
    compression: str | None
    headers: list[tuple[str, str]]
    authority: str
    user_agent: str
    round_robin: bool
    wait_for_ready: bool
    keepalive_time_seconds: float | None
    keepalive_timeout_seconds: float
    keepalive_without_calls: bool

class HttpClientOptions(TypedDict):
    url: str
    tls: TlsClientConfig
    json: bool
    compression: str | None
    compression_level: int | None
    headers: list[tuple[str, str]]
    user_agent: str
    proxy_url: str
    http2: bool
    keep_alives: bool
    max_idle_connections: int | None
    max_connections: int | None
    idle_timeout_seconds: float | None
    ping_after_seconds: float | None
    ping_timeout_seconds: float | None

class OtlpGrpcClient:
    """Sends batches to one OTLP/gRPC server."""

    def __init__(self, options: GrpcClientOptions) -> None: ...
    def export(self, batch: SpanBatch, timeout_seconds: float) -> int: ...
    def fileno(self) -> int: ...
    def take_finished(self) -> list[tuple[int, Delivery]]: ...
    def cancel(self, ticket: int) -> None: ...

class OtlpHttpClient:
    """Sends batches to one OTLP/HTTP server."""

    def __init__(self, options: HttpClientOptions) -> None: ...
    def export(self, batch: SpanBatch, timeout_seconds: float) -> int: ...
    def fileno(self) -> int: ...
    def take_finished(self) -> list[tuple[int, Delivery]]: ...
    def cancel(self, ticket: int) -> None: ...

class Delivery:
    """How an attempt to deliver a batch ended."""

    @property
    def status(self) -> int: ...
    @property
    def error(self) -> str | None: ...
    @property
    def retry_after_seconds(self) -> float | None: ...
    @property
    def rejected_spans(self) -> int: ...
    @property
    def warning(self) -> str: ...

class StoreEncoder:
    """Turns batches into blocks of the store's tables."""

    def __init__(self) -> None: ...
    def encode(self, batch: SpanBatch, period_seconds: int, now: int) -> StoreBlocks: ...
    def remember(self, blocks: StoreBlocks) -> None: ...

class StoreBlocks:
    """One batch as blocks in ClickHouse's Native format."""

    @property
    def spans(self) -> bytes: ...
    @property
    def postings(self) -> bytes: ...
    @property
    def catalog(self) -> list[tuple[str, bytes]]: ...

def read_spans(answer: bytes | Sequence[bytes]) -> SpanBatch: ...
def read_rows(answer: bytes) -> list[tuple[Any, ...]]: ...
def common_places(
    answer: bytes, clauses: Sequence[Sequence[int]], first_minute: int, last_minute: int
) -> tuple[list[tuple[int, int]], list[int]]: ...
def term(kind: str, *parts: bytes) -> int: ...
