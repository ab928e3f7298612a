"""Calls that are interrupted where they compute for long, as Ctrl-C would."""

import signal
from collections.abc import Callable
from types import FrameType

__all__ = ["LongError", "briefly"]


class LongError(BaseException):
    """The call is much work, and was stopped on request."""


class _Interrupt:
    """Raises LongError once, and only while it is wanted: a signal may be heard of late."""

    wanted = False

    def __call__(self, _: int, __: FrameType | None) -> None:
        if self.wanted:
            self.wanted = False
            raise LongError


_interrupt = _Interrupt()


def briefly(call: Callable[[], object], seconds: float) -> bool:
    """Call, and say whether it ended by itself within so many seconds of computing, of all threads together."""
    signal.signal(signal.SIGPROF, _interrupt)
    try:
        try:
            _interrupt.wanted = True
            signal.setitimer(signal.ITIMER_PROF, seconds)
            call()
        finally:
            _interrupt.wanted = False
            signal.setitimer(signal.ITIMER_PROF, 0)
    except LongError:
        return False
    return True
