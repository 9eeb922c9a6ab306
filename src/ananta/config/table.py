"""The table of components a configuration may name.

`ananta.components` fills it with what this program brings and what other packages add. It is
handed to the loader and to the pipeline, which therefore know no component by name.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ananta.component import Kind, Stability

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ananta.config.model import Config

    ConfigClass = type[Config]


@dataclass(frozen=True, slots=True)
class ComponentFactory:
    """One component: its name in a configuration file, and where its two classes are.

    Classes are given as `"module:Class"` and imported when first asked for, so that naming a
    component costs nothing.

    Attributes:
        kind: the section of the configuration file it belongs to.
        type: its type there, such as `batch`.
        config: the configuration class, a subclass of `ananta.config.model.Config`.
        component: the component class, as `ananta.component` describes it.
        summary: what it does, in one line.
        stability: how much of it may still change.
        aliases: older types that mean this component.
        roles: what other components can use it as (see `RefersTo`).
    """

    kind: Kind
    type: str
    config: str
    component: str
    summary: str
    stability: Stability = Stability.ALPHA
    aliases: tuple[str, ...] = ()
    roles: frozenset[str] = frozenset()

    def config_class(self) -> ConfigClass:
        """Import the configuration class; raises `ImportError` or `AttributeError`."""
        config_class: ConfigClass = _import_object(self.config)
        return config_class

    def component_class(self) -> Any:
        """Import the component class; raises `ImportError` or `AttributeError`."""
        return _import_object(self.component)


class ComponentTable:
    """Every component by kind and type; a type or alias stands for one component only."""

    def __init__(self, factories: Iterable[ComponentFactory]) -> None:
        self._factories = list(factories)
        self._by_name: dict[tuple[Kind, str], ComponentFactory] = {}
        for factory in self._factories:
            for name in (factory.type, *factory.aliases):
                other = self._by_name.setdefault((factory.kind, name), factory)
                if other is not factory:
                    message = (
                        f"{factory.kind}: type {name!r} is defined twice,"
                        f" by {other.component} and by {factory.component}"
                    )
                    raise ValueError(message)

    def __iter__(self) -> Iterator[ComponentFactory]:
        return iter(self._factories)

    def find(self, kind: Kind, component_type: str) -> ComponentFactory | None:
        """The component with this type or alias, or None."""
        return self._by_name.get((kind, component_type))

    def types(self, kind: Kind) -> list[str]:
        """The types of one kind in alphabetical order, without aliases."""
        return sorted(factory.type for factory in self._factories if factory.kind is kind)


def _import_object(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
