"""Laying several documents over each other: `--config` files in their order, then `--set`.

Maps are merged key by key; a list or a scalar replaces what was there, and so does null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ananta.config.yaml_source import Document, Path, parse_document
from ananta.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

DELIMITER = "::"


def merge_documents(documents: Iterable[Document]) -> Document:
    """One document of several; of two values for a key the later one counts."""
    value: Any = {}
    locations: dict[Path, str] = {}
    for document in documents:
        value = _merge(value, document.value)
        locations |= document.locations
    return Document(value, locations)


def parse_override(text: str) -> Document:
    """The document a `--set a.b.c=value` stands for; the value is YAML.

    Raises:
        ConfigError: there is no `=`, no key before it, or no YAML behind it.
    """
    key, equals, value = text.partition("=")
    origin = f"--set {key}"
    if not equals:
        raise ConfigError([Problem("", f'missing equal sign in "{text}"; write key=value', origin)])
    keys = key.strip().replace(".", DELIMITER).split(DELIMITER)
    if not all(keys):
        raise ConfigError([Problem("", f'no key before the equal sign in "{text}"', origin)])
    nested = parse_document(value, origin).value
    for part in reversed(keys):
        nested = {part: nested}
    return Document(nested, {tuple(keys): origin})


def split_joined_keys(document: Document) -> Document:
    """Take top-level keys such as `exporters::otlp::endpoint` apart."""
    if not isinstance(document.value, dict) or not any(DELIMITER in k for k in document.value):
        return document
    parts = []
    for key, value in document.value.items():
        keys = key.split(DELIMITER)
        nested = value
        for part in reversed(keys):
            nested = {part: nested}
        locations = {
            (*keys, *path[1:]): place
            for path, place in document.locations.items()
            if path and path[0] == key
        }
        parts.append(Document(nested, locations))
    return merge_documents(parts)


def _merge(older: Any, newer: Any) -> Any:
    if not (isinstance(older, dict) and isinstance(newer, dict)):
        return newer
    return {
        **older,
        **{
            key: _merge(older[key], value) if key in older else value
            for key, value in newer.items()
        },
    }
