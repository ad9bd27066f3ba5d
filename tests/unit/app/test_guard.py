"""The guard lets a process live that ends in time; that it ends the others is proved with real processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from atp_grpc.app.guard import SIGNALS, Guard


def test_a_guard_that_nobody_armed_does_nothing() -> None:
    with Guard(0.0, late=1, forced=2):
        pass
    assert [thread for thread in threading.enumerate() if thread.name == "guard"] == []


def test_a_guard_rests_again_when_the_work_is_done_in_time() -> None:
    with Guard(60.0, late=1, forced=2) as guard:
        guard.arm()
        guard.arm()
    assert [thread for thread in threading.enumerate() if thread.name == "guard"] == []


@pytest.mark.parametrize(
    ("say", "said"),
    [
        ("", "still at __main__:wait_for_ever:"),
        ("guard.speak_through(lambda places: print(places[-1], file=sys.stderr))", "__main__:wait_for_ever:"),
        # Whoever speaks may fail or hang: the process ends all the same.
        ("guard.speak_through(lambda places: 1 / 0)", ""),
        ("guard.speak_through(lambda places: time.sleep(60))", "wait_for_ever"),
    ],
    ids=["alone", "through somebody", "who fails", "who hangs"],
)
def test_a_process_whose_time_is_over_ends_with_the_code_and_says_where_it_was(say: str, said: str) -> None:
    program = f"""
        import sys, time
        from atp_grpc.app.guard import SIGNALS, Guard

        def wait_for_ever():
            time.sleep(60)

        with Guard(0.1, late=1, forced=2) as guard:
            {say}
            guard.arm()
            wait_for_ever()
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert said in ended.stderr


def test_a_signal_is_heard_while_the_main_thread_never_comes_to_its_next_line() -> None:
    program = """
        import ctypes, os, signal, threading
        from atp_grpc.app.guard import SIGNALS, Guard

        def send():
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGTERM)
                heard.wait(10)

        heard = threading.Event()
        with Guard(60.0, late=1, forced=3) as guard, guard.signals(lambda name: (print(name, flush=True), heard.set())):
            threading.Thread(target=send, daemon=True).start()
            # Native code that lets the other threads run, and comes back from no signal.
            ctypes.CDLL(None).select(0, None, None, None, None)
            while True:
                ctypes.CDLL(None).sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 3
    assert ended.stdout == "SIGTERM\n"
    assert "a second signal" in ended.stderr


def test_the_handlers_that_were_there_before_are_put_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with Guard(60.0, late=1, forced=2) as guard:
        with guard.signals(lambda _: None):
            assert [signal.getsignal(number) for number in SIGNALS] != before
        assert [signal.getsignal(number) for number in SIGNALS] == before
    assert signal.set_wakeup_fd(-1) == -1
