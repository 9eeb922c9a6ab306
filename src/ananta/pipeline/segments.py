"""The files of a journal: how batches lie on disk, and how they are read back and checked.

A segment is a header and then records, only ever appended to. The header says what came before:
how many batches, spans and bytes the journal had taken when the segment was begun. So two headers
tell what lies between them, even where it can no longer be read.

    header   magic 8 | journal id 16 | batches 8 | spans 8 | bytes 8 | CRC-32 of the above 4
    record   payload length 4 | spans 4 | arrival, Unix nanoseconds 8 | CRC-32 4 | payload

Integers are little-endian; a record's CRC covers its other fields and the payload, which is an
OTLP `TracesData` message.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, NamedTuple

from ananta._native import crc32
from ananta.pipeline.queue import NOTHING, Limit, Size, exceeds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import BinaryIO

_HEADER = struct.Struct("<8s16sQQQ")
_RECORD = struct.Struct("<IIQ")
_CRC = struct.Struct("<I")
_MAGIC = b"ANANTAJ1"
HEADER_BYTES = _HEADER.size + _CRC.size
RECORD_HEADER_BYTES = _RECORD.size + _CRC.size
_READ_BUFFER_BYTES = 1 << 20


class DamagedError(Exception):
    """Bytes on disk are not what was written.

    Attributes:
        offset: of the damaged record in its file.
        torn: the record merely ends early, as the last one does when the power fails.
    """

    def __init__(self, message: str, offset: int, *, torn: bool) -> None:
        super().__init__(message)
        self.offset = offset
        self.torn = torn


class Cursor(NamedTuple):
    """A place between two records.

    Attributes:
        totals: what the journal had taken before this place, since its beginning.
        segment: first batch of the segment the place is in; the segment's name.
        offset: in the segment's file.
    """

    totals: Size
    segment: int
    offset: int


class Record(NamedTuple):
    """One batch on disk."""

    payload: bytes
    size: Size
    checksum: int


class Stretch(NamedTuple):
    """Consecutive records, or the place of records that cannot be read.

    Attributes:
        payloads: OTLP bytes of each batch; empty where the records are lost.
        size: what the stretch holds.
        checksum: of all payloads.
        end: where the stretch ends.
        damage: why the records are lost, or None.
    """

    payloads: list[bytes]
    size: Size
    checksum: int
    end: Cursor
    damage: str | None = None


def segment_path(directory: Path, first: int) -> Path:
    """The file of the segment that begins with this batch."""
    return directory / f"{first:020d}.segment"


def pack_header(journal_id: bytes, totals: Size) -> bytes:
    """The header of a segment that begins after `totals`."""
    fields = _HEADER.pack(_MAGIC, journal_id, *totals)
    return fields + _CRC.pack(crc32(fields))


def read_header(path: Path) -> tuple[bytes, Size]:
    """The journal id and what came before the segment; raises `DamagedError`."""
    with path.open("rb") as file:
        data = file.read(HEADER_BYTES)
    if len(data) < HEADER_BYTES:
        message = f"{path.name} ends within its header"
        raise DamagedError(message, 0, torn=True)
    fields = data[: _HEADER.size]
    magic, journal_id, *totals = _HEADER.unpack(fields)
    if magic != _MAGIC or _CRC.unpack(data[_HEADER.size :]) != (crc32(fields),):
        message = f"{path.name} has a damaged header"
        raise DamagedError(message, 0, torn=False)
    return journal_id, Size(*totals)


def pack_record_header(payload: bytes, items: int, arrival_time_unix_nano: int) -> bytes:
    """What goes before a payload; its last four bytes are the record's checksum."""
    fields = _RECORD.pack(len(payload), items, arrival_time_unix_nano)
    return fields + _CRC.pack(crc32(payload, crc32(fields)))


def record_checksum(record_header: bytes) -> int:
    """The checksum inside a record's header."""
    checksum: int = _CRC.unpack_from(record_header, _RECORD.size)[0]
    return checksum


def fold_checksum(record_checksum: int, before: int) -> int:
    """The checksum of several records, one more added."""
    return crc32(_CRC.pack(record_checksum), before)


def read_record(file: BinaryIO, offset: int) -> Record | None:
    """The record at the file's present position, or None at the end; raises `DamagedError`.

    Args:
        file: positioned at `offset`.
        offset: only named in errors.
    """
    header = file.read(RECORD_HEADER_BYTES)
    if not header:
        return None
    name = os.path.basename(file.name)  # noqa: PTH119 - the name of an open file is a string
    if len(header) < RECORD_HEADER_BYTES:
        message = f"{name} ends within a record header at byte {offset}"
        raise DamagedError(message, offset, torn=True)
    length, items, _arrival = _RECORD.unpack_from(header)
    payload = file.read(length) if length <= _left(file) else b""
    if len(payload) < length:
        message = f"{name} ends within the record at byte {offset}"
        raise DamagedError(message, offset, torn=True)
    checksum = record_checksum(header)
    if not length or checksum != crc32(payload, crc32(header[: _RECORD.size])):
        message = f"{name} is damaged at byte {offset}"
        raise DamagedError(message, offset, torn=_nothing_follows(file))
    return Record(payload, Size(1, items, length), checksum)


def _left(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size - file.tell()


def _nothing_follows(file: BinaryIO) -> bool:
    """Whether the file ends here, or in zeros: it had grown before its data was written."""
    while data := file.read(_READ_BUFFER_BYTES):
        if data.strip(b"\0"):
            return False
    return True


def find_tail(path: Path, start: Cursor) -> tuple[Cursor, DamagedError | None]:
    """Where the last whole record of a segment ends, and what lies there if not the file's end."""
    with path.open("rb", buffering=_READ_BUFFER_BYTES) as file:
        file.seek(start.offset)
        totals, offset = start.totals, start.offset
        while True:
            try:
                record = read_record(file, offset)
            except DamagedError as damage:
                return Cursor(totals, start.segment, offset), damage
            if record is None:
                return Cursor(totals, start.segment, offset), None
            totals = totals.plus(record.size)
            offset += RECORD_HEADER_BYTES + record.size.bytes


def read_stretch(
    directory: Path, segments: Sequence[Cursor], start: Cursor, end: Cursor, stop: int, limit: Limit
) -> Stretch:
    """Read the records after `start`, up to `stop` or the limit, and at least one.

    Records that cannot be read are skipped up to the next segment and make a stretch of their own.

    Args:
        directory: of the journal.
        segments: where each segment begins, oldest first.
        start: where to read; before `end`.
        end: where the journal ends.
        stop: position to stop at; after `start` and not after `end`.
        limit: the stretch ends before it exceeds this, but holds one record.
    """
    payloads: list[bytes] = []
    size, checksum, place = NOTHING, 0, start
    while place.totals.requests < stop:
        following = next((at for at in segments if at.segment > place.segment), end)
        if place.totals == following.totals:
            place = following
            continue
        try:
            with segment_path(directory, place.segment).open("rb", _READ_BUFFER_BYTES) as file:
                file.seek(place.offset)
                while place.totals.requests < min(stop, following.totals.requests):
                    record = read_record(file, place.offset)
                    if record is None:
                        message = f"{segment_path(directory, place.segment).name} ends early"
                        raise DamagedError(message, place.offset, torn=True)
                    if payloads and exceeds(size.plus(record.size), limit):
                        return Stretch(payloads, size, checksum, place)
                    payloads.append(record.payload)
                    size = size.plus(record.size)
                    checksum = fold_checksum(record.checksum, checksum)
                    offset = place.offset + RECORD_HEADER_BYTES + record.size.bytes
                    place = Cursor(place.totals.plus(record.size), place.segment, offset)
        except (DamagedError, FileNotFoundError) as damage:
            if payloads:
                return Stretch(payloads, size, checksum, place)
            return Stretch([], following.totals.minus(place.totals), 0, following, str(damage))
    return Stretch(payloads, size, checksum, place)
