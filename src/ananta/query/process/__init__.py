"""What can be asked of the running process itself: its components, what is wrong, a test span."""

from __future__ import annotations

from ananta.query.process.reader import ProcessReader
from ananta.query.process.trial import NotTakenError, NoWayInError

__all__ = ["NoWayInError", "NotTakenError", "ProcessReader"]
