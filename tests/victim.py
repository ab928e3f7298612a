"""A sweep or a training in a process of its own that is killed: ``python victim.py STORE MOMENT``."""

import os
import signal
import sys
from typing import Any

import rnnlatch as rl
from minibatch_training import LONG, swept_in_matrices, trained
from rnnlatch import _checkpoint, _driver, _minibatch_runs, _side_by_side, _tables
from rnnlatch.sweep import SweepInterrupted
from sweeps import study, swept


def die(*_: Any) -> None:
    """End at once, as from kill -9: nothing is flushed, nothing is closed."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_after(module: Any, name: str, calls: int) -> None:
    """Die at the end of that call of a function whose last argument is not empty."""
    function = getattr(module, name)
    left = [calls]

    def wrapped(*arguments: Any) -> None:
        function(*arguments)
        left[0] -= bool(arguments[-1])
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


def in_matrices(path: str, moment: str) -> None:
    """Train or sweep networks in matrices, whose states are kept all the time, and be killed meanwhile."""
    _side_by_side.TICK = 1e-3
    _minibatch_runs.MOST_UPDATES = 20
    if moment == "training":
        die_after(_checkpoint.Checkpoint, "keep", 4)
        trained(checkpoint=path, checkpoint_seconds=1e-6, **LONG)
    else:
        _driver.KEEP_SECONDS = 1e-6
        die_after(_tables, "keep", 4)
        swept_in_matrices(store=path, **LONG)


def endless_in_matrices(folder: str) -> None:
    """Train, then sweep, until somebody stops it."""
    endless = LONG | {"max_presentations": 4_000_000_000, "progress": lambda *state: tell(state[2] or "begun")}
    calls: list[tuple[Any, str]] = [(trained, "checkpoint"), (swept_in_matrices, "store")]
    for call, keyword in calls:
        try:
            call(**{keyword: f"{folder}/{call.__name__}.sqlite"}, **endless)
        except KeyboardInterrupt as stop:
            tell(stop)
    sys.exit(130)


if __name__ == "__main__":
    # Also where the tests run in the background of a shell, which does not hear it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    path, moment = sys.argv[1:]
    if moment == "computing":
        computing(path)
    elif moment in ("training", "sweeping"):
        in_matrices(path, moment)
    elif moment == "endless":
        endless_in_matrices(path)
    else:
        killed(path, moment)
