"""A sweep in a process of its own that is killed: ``python victim.py STORE MOMENT``."""

import os
import signal
import sys
from typing import Any

import rnnlatch as rl
from rnnlatch import _tables
from rnnlatch.sweep import SweepInterrupted
from sweeps import study, swept


def die(*_: Any) -> None:
    """End at once, as from kill -9: nothing is flushed, nothing is closed."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_after(module: Any, name: str, calls: int) -> None:
    """Die at the end of that call of a function."""
    function = getattr(module, name)
    left = [calls]

    def wrapped(*arguments: Any) -> None:
        function(*arguments)
        left[0] -= 1
        if not left[0]:
            die()

    setattr(module, name, wrapped)


def tell(what: object) -> None:
    """Write a line for the test."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def killed(store: str, moment: str) -> None:
    """Sweep until the moment to die."""
    if moment == "making the file":
        die_after(_tables, "create", 1)
    elif moment == "before a commit":
        die_after(_tables, "insert", 3)

    def progress(done: int, *_: object) -> None:
        if moment == "after a commit" and done >= 14:
            die()

    swept(store=store, chunk_runs=7, progress=progress)


def endless(max_presentations: int) -> rl.Run:
    """A grid point whose runs never stop by themselves, if they have presentations enough."""
    run = study()
    return rl.Run(run.cell, run.task, run.algorithm, None, max_presentations)


def computing(store: str) -> None:
    """Sweep a grid point that ends and one that does not, until somebody stops it."""
    try:
        rl.sweep(
            endless,
            {"max_presentations": [10, 4_000_000_000]},
            runs=8,
            rng=0,
            store=store,
            progress=lambda done, *_: tell(done),
        )
    except SweepInterrupted as stop:
        tell(stop)
        sys.exit(130)


if __name__ == "__main__":
    path, moment = sys.argv[1:]
    if moment == "computing":
        computing(path)
    else:
        killed(path, moment)
