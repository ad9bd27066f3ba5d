"""Texts inside records of bytes: a length of two bytes, little-endian, and that many bytes of UTF-8.

The codecs of this room enter here. It knows nothing of what the texts say.
"""

from __future__ import annotations

import struct

_LENGTH = struct.Struct("<H")


def packed(text: str) -> bytes:
    """One text.

    Raises:
        struct.error: it has more than 65,535 bytes.
    """
    encoded = text.encode()
    return _LENGTH.pack(len(encoded)) + encoded


def unpacked(record: bytes, start: int, count: int) -> tuple[list[str], int]:
    """So many texts from a position on, and the position after them.

    Raises:
        struct.error, UnicodeDecodeError: there are fewer, or they are no texts.
    """
    texts = []
    for _ in range(count):
        (length,) = _LENGTH.unpack_from(record, start)
        start += _LENGTH.size
        if start + length > len(record):
            raise struct.error("a text is cut short")
        texts.append(record[start : start + length].decode())
        start += length
    return texts, start


def passed(record: bytes, start: int, count: int) -> int:
    """The position after so many texts, unread.

    Raises:
        struct.error: there are fewer.
    """
    for _ in range(count):
        (length,) = _LENGTH.unpack_from(record, start)
        start += _LENGTH.size + length
    return start
