"""A fault in words that may be logged: what kind, and where; never its text, its arguments or its variables."""

from __future__ import annotations

from collections.abc import Iterator

PLACES = 24
CAUSES = 8


def describe_fault(fault: BaseException) -> dict[str, object]:
    """Kinds of the fault and of its causes, newest first, and the calls that led to its place, outermost first."""
    return {
        "fault": [f"{type(one).__module__}.{type(one).__qualname__}" for one in _chain(fault)],
        "trace": _places(fault),
    }


def _chain(fault: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = fault
    for _ in range(CAUSES):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def _places(fault: BaseException) -> list[str]:
    """The innermost calls, as `module:function:line`."""
    places: list[str] = []
    step = fault.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        places.append(f"{step.tb_frame.f_globals.get('__name__', '?')}:{code.co_qualname}:{step.tb_lineno}")
        step = step.tb_next
    return places[-PLACES:]
