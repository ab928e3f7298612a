"""The networks and tasks of the comparison of architectures.

Every network has about as many recurrent weights as 50 plain units, every one is trained by the same rule, over the same small
search, with the same sequences.
"""

from collections.abc import Callable
from typing import Any

from rnnlatch import tasks
from rnnlatch.algorithms import Adam
from rnnlatch.cells import GRU, LSTM, Constant, Identity, NetworkCell, Normal, Orthogonal, Sparse, VanillaRNN
from rnnlatch.criterion import Criterion
from rnnlatch.run import Run
from rnnlatch.tasks import Task

__all__ = ["ARCHITECTURES", "BATCH", "CLIP", "SUCCESS", "TASKS", "run"]

UNITS, BATCH = 50, 20
OMEGA = 1.0
CLIP = 1.0
SUCCESS = 0.01  # fewer wrong of the fresh sequences

_Maker = Callable[[int, int], NetworkCell]


def _vanilla(**settings: Any) -> _Maker:
    return lambda inputs, outputs: VanillaRNN(inputs=inputs, hidden=UNITS, outputs=outputs, **settings)


ARCHITECTURES: dict[str, _Maker] = {
    "vanilla": _vanilla(),
    "orthogonal": _vanilla(init_hh=Orthogonal()),
    "identity": _vanilla(
        activation="relu", init_hh=Identity(), init_ih=Normal(0.001), init_out=Normal(0.001), init_bias=Constant(0.0)
    ),
    "regularised": _vanilla(init_hh=Sparse(15, spectral_radius=0.95), init_bias=Constant(0.0)),
    "LSTM": lambda inputs, outputs: LSTM(inputs=inputs, hidden=25, outputs=outputs, forget_bias=1.0),
    "GRU": lambda inputs, outputs: GRU(inputs=inputs, hidden=29, outputs=outputs),
}

TASKS: dict[str, Callable[[int], Task]] = {
    "temporal order": lambda length: tasks.TemporalOrder(length=length),
    "temporal order, 3": lambda length: tasks.TemporalOrder(length=length, symbols=3),
    "adding": lambda length: tasks.Adding(length=length),
    "multiplication": lambda length: tasks.Multiplication(length=length),
    "permutation": lambda length: tasks.RandomPermutation(length=length),
    "memorization": lambda length: tasks.NoiselessMemorization(length=length, values=2, positions=5),
    "copying": lambda length: tasks.CopyMemory(length=length),
}


def run(
    architecture: str, task: str, length: int, learning_rate: float, *, updates: int, every: int, tested: int
) -> Run:
    """Describe one training; it is tested after every so many updates."""
    what = TASKS[task](length)
    return Run(
        ARCHITECTURES[architecture](what.features, what.outputs),
        what,
        Adam(
            learning_rate=learning_rate,
            batch_size=BATCH,
            clip_norm=CLIP,
            omega=OMEGA if architecture == "regularised" else 0.0,
            omega_reduce="mean",
            omega_of="state",
        ),
        Criterion(measure="test_error", threshold=SUCCESS, window=BATCH * every, tests=tested),
        max_presentations=BATCH * updates,
        driver="matrices",
        precision="float32",
    )
