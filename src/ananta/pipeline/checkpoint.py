"""How far a journal has been delivered, in a file that survives a crash at any moment.

The file has two slots, written in turn; the one with a valid checksum and the higher generation
counts. A slot holds the place before which everything is delivered, and the blocks that were
being delivered beyond it, so that after a crash they are delivered again with the same borders.

    slot   magic 8 | journal id 16 | generation 8 | batches, spans, bytes 8 each
           | segment 8 | offset 8 | blocks 4 | (first 8 | end 8 | done 1) for each block | CRC-32 4
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from ananta.pipeline.queue import NOTHING, Size
from ananta.pipeline.segments import HEADER_BYTES, Cursor

if TYPE_CHECKING:
    from pathlib import Path

_SLOT_BYTES = 4096
_MAGIC = b"ANANTAC1"
_FIELDS = struct.Struct("<8s16sQQQQQQI")
_BLOCK = struct.Struct("<QQ?")
_CRC = struct.Struct("<I")
MAX_BLOCKS = (_SLOT_BYTES - _FIELDS.size - _CRC.size) // _BLOCK.size


class Intent(NamedTuple):
    """A block that has been handed to the exporter.

    Attributes:
        first: position of its first batch.
        end: position after its last batch.
        done: it has been delivered, while an earlier one has not.
    """

    first: int
    end: int
    done: bool


class Checkpoint(NamedTuple):
    """How far a journal has been delivered."""

    journal_id: bytes
    generation: int
    delivered: Cursor
    intents: list[Intent]


class CheckpointFile:
    """The checkpoint of one journal, open for writing."""

    def __init__(self, path: Path, journal_id: bytes, generation: int) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        if os.fstat(self._fd).st_size < 2 * _SLOT_BYTES:  # take the room now, not on a full disk
            os.pwrite(self._fd, bytes(2 * _SLOT_BYTES), 0)
        self._journal_id = journal_id
        self._generation = generation

    def write(self, delivered: Cursor, intents: list[Intent]) -> None:
        """Write the next generation; raises `OSError`, and then the last one still counts."""
        generation = self._generation + 1
        fields = _FIELDS.pack(
            _MAGIC,
            self._journal_id,
            generation,
            *delivered.totals,
            delivered.segment,
            delivered.offset,
            len(intents),
        )
        data = fields + b"".join(_BLOCK.pack(*intent) for intent in intents)
        os.pwrite(self._fd, data + _CRC.pack(crc32(data)), generation % 2 * _SLOT_BYTES)
        self._generation = generation

    def sync(self) -> None:
        """Return once what was written is on the device."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Close the file; legal twice."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def read_checkpoint(path: Path) -> Checkpoint | None:
    """The checkpoint in the file, or None where there is no valid one."""
    if not path.exists():
        return None
    data = path.read_bytes()
    slots = [_parse(data[at : at + _SLOT_BYTES]) for at in (0, _SLOT_BYTES)]
    valid = [slot for slot in slots if slot is not None]
    return max(valid, key=lambda slot: slot.generation, default=None)


def _parse(slot: bytes) -> Checkpoint | None:
    if len(slot) < _FIELDS.size + _CRC.size:
        return None
    magic, journal_id, generation, *numbers, num_blocks = _FIELDS.unpack_from(slot)
    end = _FIELDS.size + num_blocks * _BLOCK.size
    if magic != _MAGIC or num_blocks > MAX_BLOCKS or len(slot) < end + _CRC.size:
        return None
    if _CRC.unpack_from(slot, end) != (crc32(slot[:end]),):
        return None
    intents = [Intent(*fields) for fields in _BLOCK.iter_unpack(slot[_FIELDS.size : end])]
    totals, segment, offset = Size(*numbers[:3]), numbers[3], numbers[4]
    return Checkpoint(journal_id, generation, Cursor(totals, segment, offset), intents)


START = Cursor(NOTHING, 0, HEADER_BYTES)
"""The place before everything."""
