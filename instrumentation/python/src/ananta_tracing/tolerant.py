"""Import OpenTelemetry although a variable it reads at import holds nonsense.

Two of its modules raise ValueError while they are imported: `opentelemetry.propagate` for an
unknown name in OTEL_PROPAGATORS, `opentelemetry.sdk.trace` for a limit that is no number. Either
would end the application; here the variable is hidden from a second try, and the settings tell.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

_READ_AT_IMPORT = ("OTEL_PROPAGATORS", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT")


def import_tolerantly(name: str) -> ModuleType:
    """The module of this name."""
    try:
        return import_module(name)
    except ValueError:
        hidden = {each: os.environ.pop(each) for each in _READ_AT_IMPORT if each in os.environ}
        try:
            return import_module(name)
        finally:
            os.environ.update(hidden)
