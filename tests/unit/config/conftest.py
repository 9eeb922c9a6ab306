"""Small components of every kind, so that the loader is tested apart from the real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from pydantic import Field

from ananta.component import Kind
from ananta.config.load import load_config
from ananta.config.model import NULL_MEANS_DEFAULTS, BrokenRule, Config, Duration, RefersTo, Secret
from ananta.config.shared import DeliveryConfig, GrpcClientConfig, GrpcServerConfig
from ananta.config.table import ComponentFactory, ComponentTable
from ananta.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    Load = Callable[..., Any]
    LoadProblems = Callable[..., list[str]]


class Protocols(Config):
    grpc: Annotated[GrpcServerConfig | None, NULL_MEANS_DEFAULTS] = None


class ReceiverConfig(Config):
    protocols: Protocols = Protocols()

    def check(self):
        yield from super().check()
        if self.protocols.grpc is None:
            yield BrokenRule("", "must specify at least one protocol when using the OTLP receiver")


class BatchConfig(Config):
    timeout: Duration = 0.2
    send_batch_size: int = Field(8192, ge=0)
    send_batch_max_size: int = 0

    def check(self):
        yield from super().check()
        if 0 < self.send_batch_max_size < self.send_batch_size:
            yield BrokenRule(
                "send_batch_max_size",
                "send_batch_max_size must be greater or equal to send_batch_size,"
                f" got {self.send_batch_max_size}",
            )


class AttributesConfig(Config):
    actions: list[dict[str, Any]] = []


class OtlpExporterConfig(DeliveryConfig, GrpcClientConfig):
    api_key: Secret = Secret("")

    def check(self):
        yield from super().check()
        if not self.endpoint:
            yield BrokenRule("endpoint", 'requires a non-empty "endpoint"; write host:port')


class DebugConfig(Config):
    verbosity: Literal["basic", "normal", "detailed"] = "basic"
    sampling_initial: int = 2


class StorageConfig(Config):
    directory: str


class QueryConfig(Config):
    exporter: Annotated[str, RefersTo("trace store")] = "store"


class NopConfig(Config):
    pass


class Nop:
    pass


def _factory(kind, component_type, config, **more):
    return ComponentFactory(
        kind=kind,
        type=component_type,
        config=f"{__name__}:{config.__name__}",
        component=f"{__name__}:Nop",
        summary="",
        **more,
    )


@pytest.fixture(scope="session")
def table() -> ComponentTable:
    return ComponentTable(
        [
            _factory(Kind.RECEIVER, "otlp", ReceiverConfig),
            _factory(Kind.PROCESSOR, "batch", BatchConfig),
            _factory(Kind.PROCESSOR, "attributes", AttributesConfig),
            _factory(Kind.EXPORTER, "otlp_grpc", OtlpExporterConfig, aliases=("otlp",)),
            _factory(Kind.EXPORTER, "debug", DebugConfig, aliases=("logging",)),
            _factory(Kind.CONNECTOR, "forward", NopConfig),
            _factory(Kind.CONNECTOR, "spanmetrics", NopConfig),
            _factory(Kind.EXTENSION, "file_storage", StorageConfig, roles=frozenset({"storage"})),
            _factory(Kind.EXTENSION, "zpages", NopConfig),
            _factory(Kind.EXPORTER, "store", NopConfig, roles=frozenset({"trace store"})),
            _factory(Kind.EXTENSION, "query", QueryConfig),
        ]
    )


@pytest.fixture
def load(table) -> Load:
    """Load YAML texts with the small components; no environment but the one given."""

    def load(*texts: str, overrides=(), environ=None):
        sources = [text if text.startswith(("file:", "env:")) else f"yaml:{text}" for text in texts]
        return load_config(sources, table=table, overrides=overrides, environ=environ or {})

    return load


@pytest.fixture
def load_problems(load) -> LoadProblems:
    """As `load`, for what is wrong: the problems, each as its line."""

    def load_problems(*texts: str, overrides=(), environ=None) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(*texts, overrides=overrides, environ=environ)
        assert str(caught.value) == "\n".join(map(str, caught.value.problems))
        return [str(problem) for problem in caught.value.problems]

    return load_problems
