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

    def __call__(self, _: int, frame: FrameType | None) -> None:
        if frame is not None and frame.f_code.co_name == "gc_callback":
            # Hypothesis is told of the garbage collector, which loses what is raised there.
            signal.setitimer(signal.ITIMER_PROF, 0.01)
        elif self.wanted:
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
