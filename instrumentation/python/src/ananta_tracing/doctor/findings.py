"""What the doctor says: one finding a line, with what to do about it."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Level(Enum):
    """How much a finding matters."""

    GOOD = "ok"
    NOTE = "note"
    FAULT = "fault"


class Finding(NamedTuple):
    """One thing that was looked at."""

    level: Level
    subject: str
    message: str
    """What was found, and for a fault what to change."""


def good(subject: str, message: str) -> Finding:
    """All is well."""
    return Finding(Level.GOOD, subject, message)


def note(subject: str, message: str) -> Finding:
    """Spans flow, but somebody may be surprised."""
    return Finding(Level.NOTE, subject, message)


def fault(subject: str, message: str) -> Finding:
    """Spans do not flow, or not as they should."""
    return Finding(Level.FAULT, subject, message)
