"""Component ids: `type` or `type/name`, as a configuration file writes them."""

from __future__ import annotations

import re
import unicodedata

_TYPE = re.compile(r"[a-zA-Z][0-9a-zA-Z_]{0,62}")
_MAX_NAME_LENGTH = 1024


class IdError(ValueError):
    """An id is not `type` or `type/name`; the message says which part is wrong."""


def parse_id(text: str) -> str:
    """Return the id with the blanks around its parts removed.

    Raises:
        IdError: a part is empty, too long or has characters an id may not have.
    """
    component_type, slash, name = text.partition("/")
    component_type, name = component_type.strip(), name.strip()
    if not component_type:
        _refuse(f'in "{text}" id: the part before / should not be empty' if slash else _EMPTY)
    if not _TYPE.fullmatch(component_type):
        _refuse(
            f'in "{text}" id: invalid character(s) in type "{component_type}";'
            " write a letter, then letters, digits or _ (63 at most)"
        )
    if not slash:
        return component_type
    if not name:
        _refuse(f'in "{text}" id: the part after / should not be empty')
    if len(name) > _MAX_NAME_LENGTH:
        _refuse(f"in the id {component_type}/…: the name is longer than {_MAX_NAME_LENGTH}")
    if any(unicodedata.category(character)[0] in "ZCS" for character in name):
        _refuse(
            f'in "{text}" id: invalid character(s) in name "{name}";'
            " write it without blanks, control characters and symbols"
        )
    return f"{component_type}/{name}"


def type_of(component_id: str) -> str:
    """The type in an id: `batch` of `batch/small`."""
    return component_id.partition("/")[0]


_EMPTY = "id must not be empty"


def _refuse(message: str) -> None:
    raise IdError(message)
