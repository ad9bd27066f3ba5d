"""Mutations of messages: of their bytes, which mostly breaks the parse, and of their fields, which gets past it."""

from __future__ import annotations

import math
import random
from typing import cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_TEXTS = [
    "",
    "\x00",
    "a" * 5000,
    "\u202eright to left",
    "é" * 64,
    "\U0001f600",
    "id-1",
    "ghost",
    "default",
    "../../etc",
    "'; --",
]
_FLOATS = [math.nan, math.inf, -math.inf, 0.0, -0.0, -1.0, 0.5, 1.0, 1e308, -1e308, 5e-324, 1e-9]
_INTEGERS = [0, 1, -1, 2, 7, 2**31 - 1, -(2**31), 2**62, 2**63 - 1, -(2**63)]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """One to four changes: a flipped bit, a changed, dropped, doubled or added run of bytes, or a cut."""
    body = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(body) + 1)
        run = chance.randint(1, 8)
        kind = chance.randrange(6)
        if kind == 0 and body:
            body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
        elif kind == 1:
            body[place : place + run] = chance.randbytes(run)
        elif kind == 2:
            del body[place : place + run]
        elif kind == 3:
            body[place:place] = body[place : place + run]
        elif kind == 4:
            body[place:place] = chance.randbytes(run)
        else:
            del body[place:]
    return bytes(body)


def scrambled(message: Message, chance: random.Random) -> bytes:
    """The message with one to three fields, at any depth, set to something extreme, emptied or repeated."""
    copy = type(message)()
    copy.CopyFrom(message)
    for _ in range(chance.randint(1, 3)):
        _scramble(copy, chance)
    return copy.SerializeToString()


def _scramble(message: Message, chance: random.Random) -> None:
    fields = cast("list[FieldDescriptor]", list(message.DESCRIPTOR.fields))
    if not fields:
        return
    field = chance.choice(fields)
    is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
    if chance.random() < 0.1:
        message.ClearField(field.name)
    elif is_map:
        getattr(message, field.name)[chance.choice(_TEXTS)] = chance.choice(_TEXTS)
    elif field.message_type is not None:
        inner = getattr(message, field.name)
        if field.is_repeated:
            inner = chance.choice(inner) if len(inner) and chance.random() < 0.7 else inner.add()
        else:
            inner.SetInParent()
        _scramble(inner, chance)
    elif field.is_repeated:
        getattr(message, field.name).extend([_value(field, chance)] * chance.choice([1, 1, 2, 300]))
    else:
        setattr(message, field.name, _value(field, chance))


def _value(field: FieldDescriptor, chance: random.Random) -> object:
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_STRING:
        text = chance.choice(_TEXTS)
        return text.encode() if field.type == FieldDescriptor.TYPE_BYTES else text
    if kind in {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}:
        return chance.choice(_FLOATS)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return chance.random() < 0.5
    number = chance.choice(_INTEGERS)
    if kind in {FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_ENUM}:
        return max(min(number, 2**31 - 1), -(2**31))
    if kind in {FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64}:
        return abs(number) % 2**32
    return number
