"""The logger of the package, `logging.getLogger("rnnlatch")`, which is silent until somebody listens."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rnnlatch.progress import ProgressBar

__all__ = ["LogLines", "logger"]

logger = logging.getLogger("rnnlatch")
logger.addHandler(logging.NullHandler())

LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class LogLines(logging.Handler):
    """Writes what is logged to standard error, above a progress bar if there is one, for as long as the block takes.

    Parameters
    ----------
    verbose : int
        0: warnings; 1: what begins and ends as well; 2: everything.
    """

    def __init__(self, verbose: int) -> None:
        super().__init__(LEVELS[min(verbose, len(LEVELS) - 1)])
        self.setFormatter(logging.Formatter("rnnlatch: %(asctime)s %(message)s", "%H:%M:%S"))
        self._bar: ProgressBar | None = None

    def __enter__(self) -> Self:
        self._before = logger.level
        logger.setLevel(min(self.level, logger.getEffectiveLevel()))
        logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logger.removeHandler(self)
        logger.setLevel(self._before)

    @contextmanager
    def above(self, bar: "ProgressBar") -> Iterator[None]:
        """Leave room for a bar below the lines."""
        self._bar = bar
        try:
            yield
        finally:
            self._bar = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        try:
            if self._bar is None:
                sys.stderr.write(f"{self.format(record)}\n")
            else:
                self._bar.write_above(self.format(record))
        except Exception:
            self.handleError(record)
