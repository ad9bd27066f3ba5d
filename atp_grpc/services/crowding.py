"""Whether bytes hold more entries than their message may, told before anything is made of them.

The door asks for every large payload. An entry of two bytes becomes an object of a hundred and sixty, so a message
within its limit of bytes could take a gigabyte and a second of everybody's time (measured: 8 million empty requests in
a batch of 16 MiB). It judges numbers of entries only, by the rules in the contract, and leaves bytes that make no sense
to the parser.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from atp_grpc.domain.errors import FieldViolation, InvalidFieldError
from atp_grpc.pb.buf.validate import validate_pb2

UNCOUNTED_BYTES = 65_536
"""Smaller payloads are not looked at: what they can become is little, and counting takes 0.2 microseconds a field."""
MOST_FIELDS = 1_000_000
"""Fields in one message, each that becomes an object of its own counting as `ENTRY_WEIGHT`: the largest conversation
of the contract takes half of it."""
ENTRY_WEIGHT = 4
_VARINT, _FIXED64, _LENGTH, _GROUP, _GROUP_END, _FIXED32 = range(6)
_SIZES = {_GROUP: 0, _GROUP_END: 0, _FIXED32: 4, _FIXED64: 8}
"""What follows a tag. Groups are of unknown fields only; what is inside of one is counted as if it stood outside."""
_MORE, _LONGEST_SHIFT = 128, 63
"""The bit of a varint that says that another byte follows, and how far the last byte of a number can be shifted."""


class _CrowdedError(Exception):
    """What there is too much of; the path grows on the way out."""

    def __init__(self, path: str, limit: int) -> None:
        super().__init__(path)
        self.path = path
        self.limit = limit


@dataclass(slots=True)
class _Entry:
    """A field whose values have a length: its name, the most there may be of it, and what is inside."""

    name: str
    limit: int | None
    is_repeated: bool
    inside: dict[int, _Entry] = field(default_factory=dict)


class Crowding:
    """Counts the entries of one message type. Made once for each method."""

    def __init__(self, message: type[Message]) -> None:
        self._entries = _entries_of(cast("Descriptor", message.DESCRIPTOR), {})

    def check(self, payload: bytes) -> None:
        """Judges a payload.

        Raises:
            InvalidFieldError: a repeated field has more entries than its rule allows, or the whole has too many fields.
        """
        if len(payload) <= UNCOUNTED_BYTES:
            return
        try:
            _walk(payload, 0, len(payload), self._entries, MOST_FIELDS)
        except _CrowdedError as crowd:
            what = f"must hold at most {crowd.limit} entries" if crowd.path else "the message holds too many fields"
            raise InvalidFieldError([FieldViolation(crowd.path, what)]) from None
        except IndexError:
            # Cut in the middle of a number: the parser says so.
            return


def _entries_of(descriptor: Descriptor, known: dict[str, dict[int, _Entry]]) -> dict[int, _Entry]:
    """The fields of a message type that have a length, by number; a type that contains itself is met again."""
    if descriptor.full_name in known:
        return known[descriptor.full_name]
    entries = known[descriptor.full_name] = {}
    for one in descriptor.fields:
        if one.type in {FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}:
            inside = {} if one.message_type is None else _entries_of(one.message_type, known)
            entries[one.number] = _Entry(one.name, _limit_of(one), one.is_repeated, inside)
    return entries


def _limit_of(one: FieldDescriptor) -> int | None:
    """The most entries that the contract allows; None where it does not say or the field is not repeated."""
    extension: Any = validate_pb2.field
    rules = one.GetOptions().Extensions[extension]
    return rules.repeated.max_items or rules.map.max_pairs or None


def _walk(data: bytes, place: int, end: int, entries: dict[int, _Entry], left: int) -> int:
    """Goes over the fields of one message; gives how many more there may be.

    Raises:
        _CrowdedError: there are too many of one, or of all.
        IndexError: the bytes end in the middle of a number.
    """
    counts: dict[int, int] = {}
    while place < end:
        tag = data[place]
        place += 1
        if tag >= _MORE:
            tag, place = _varint(data, place - 1)
        left -= 1
        if tag & 7 != _LENGTH:
            place = _after_scalar(data, place, tag & 7, end)
        else:
            size = data[place]
            place += 1
            if size >= _MORE:
                size, place = _varint(data, place - 1)
            entry = entries.get(tag >> 3)
            if entry is not None and place + size <= end:
                left = _step_in(data, place, place + size, entry, counts, tag >> 3, left)
            place += size
        if left < 0:
            raise _CrowdedError("", MOST_FIELDS)
    return left


def _after_scalar(data: bytes, place: int, kind: int, end: int) -> int:
    """Where the next field begins; `end` when there is no such kind of field."""
    if kind != _VARINT:
        return place + _SIZES.get(kind, end)
    while data[place] >= _MORE:
        place += 1
    return place + 1


def _step_in(data: bytes, place: int, end: int, entry: _Entry, counts: dict[int, int], number: int, left: int) -> int:
    """Counts one entry and what is inside of it."""
    count = counts[number] = counts.get(number, 0) + 1
    if entry.limit is not None and count > entry.limit:
        raise _CrowdedError(entry.name, entry.limit)
    left -= ENTRY_WEIGHT - 1
    if not entry.inside or place == end:
        return left
    try:
        return _walk(data, place, end, entry.inside, left)
    except _CrowdedError as crowd:
        if crowd.path:
            crowd.path = (
                f"{entry.name}[{count - 1}].{crowd.path}" if entry.is_repeated else f"{entry.name}.{crowd.path}"
            )
        raise


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """A number of more than one byte, and where it ends."""
    number = shift = 0
    while True:
        byte = data[place]
        place += 1
        number |= (byte & ~_MORE) << shift
        if byte < _MORE or shift > _LONGEST_SHIFT:
            return number, place
        shift += 7
