"""Nonces never repeat: not in a series, not across series, not after a fork."""

from __future__ import annotations

import subprocess
import sys
import threading
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.secrets.nonces import NONCE_BYTES, Nonces

LAST_COUNT = 2**32 - 1


class Counting:
    """Stands in for chance: prefixes that can be told apart."""

    def __init__(self) -> None:
        self._next = count(1)

    def __call__(self, size: int) -> bytes:
        return next(self._next).to_bytes(size, "big")


@given(st.integers(0, LAST_COUNT), st.integers(1, 50))
def test_nonces_are_distinct_wherever_the_count_stands(first: int, drawn: int) -> None:
    nonces = Nonces(Counting(), first_count=first)

    assert len({nonces.draw() for _ in range(drawn)}) == drawn


def test_a_series_that_is_used_up_gives_way_to_a_new_one() -> None:
    nonces = Nonces(Counting(), first_count=LAST_COUNT)

    before, after = nonces.draw(), nonces.draw()

    assert before == (1).to_bytes(8, "big") + b"\xff\xff\xff\xff"
    assert after == (2).to_bytes(8, "big") + b"\x00\x00\x00\x00"


def test_two_processes_begin_at_different_places() -> None:
    assert Nonces().draw() != Nonces().draw()
    assert len(Nonces().draw()) == NONCE_BYTES


def test_threads_never_draw_the_same_nonce() -> None:
    nonces = Nonces(Counting(), first_count=LAST_COUNT - 1_000)
    drawn: list[bytes] = []
    threads = [threading.Thread(target=lambda: drawn.extend([nonces.draw() for _ in range(1_000)])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(drawn) == 4_000
    assert len(set(drawn)) == 4_000


FORKING = """
import os
from atp_grpc.secrets.nonces import Nonces

nonces = Nonces()
nonces.draw()
reader, writer = os.pipe()
if os.fork() == 0:
    os.write(writer, nonces.draw())
    os._exit(0)
os.wait()
drawn_by_child, drawn_by_parent = os.read(reader, 100), nonces.draw()
print(len(drawn_by_child), drawn_by_child[:8] != drawn_by_parent[:8])
"""


def test_a_forked_process_begins_a_series_of_its_own() -> None:
    # In a process without threads, where forking is allowed.
    answered = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True)

    assert answered.stdout == "12 True\n"
