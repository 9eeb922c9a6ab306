"""Bodies tests send and answers they read: snappy without a library, google.rpc.Status."""

from __future__ import annotations

from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

__all__ = ["RetryInfo", "Status", "snappy_block", "snappy_stream"]


def snappy_block(content: bytes) -> bytes:
    """A snappy block of literals alone, which every reader must take."""
    return _varint(len(content)) + _literals(content)


def snappy_stream(content: bytes) -> bytes:
    """The framed form: stream identifier, then uncompressed chunks with their checksums."""
    chunks = [b"\xff\x06\x00\x00sNaPpY"]
    for start in range(0, len(content), 65536):
        piece = content[start : start + 65536]
        chunks.append(b"\x01" + (len(piece) + 4).to_bytes(3, "little") + _masked_crc32c(piece))
        chunks.append(piece)
    return b"".join(chunks)


def _literals(content: bytes) -> bytes:
    pieces = [content[start : start + 60] for start in range(0, len(content), 60)]
    return b"".join(bytes([(len(piece) - 1) << 2]) + piece for piece in pieces)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def _masked_crc32c(content: bytes) -> bytes:
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF).to_bytes(4, "little")
