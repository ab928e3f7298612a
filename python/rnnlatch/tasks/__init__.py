"""Tasks: a distribution over sequences, with a target and a cost.

Frozen dataclasses: they say what to draw; the engine draws it. Of two classes with noise are `MinimalLatch`, `TwoSequence`
and `Parity`; of long time lags `TemporalOrder`, `Adding`, `Multiplication`, `RandomPermutation`, `NoiselessMemorization`,
`CopyMemory` and `Agreement`; `DatasetTask` holds sequences of your own, `CharacterPrediction` a text. `Task.sample` gives what
a run would be shown.
"""

from rnnlatch.tasks.agreement import Agreement
from rnnlatch.tasks.base import DataTask, DrawnTask, Sample, Task
from rnnlatch.tasks.characters import CharacterPrediction
from rnnlatch.tasks.dataset import DatasetTask
from rnnlatch.tasks.latch import MinimalLatch
from rnnlatch.tasks.long_lag import LongLagTask
from rnnlatch.tasks.marked_values import Adding, Multiplication
from rnnlatch.tasks.parity import Parity
from rnnlatch.tasks.random_permutation import RandomPermutation
from rnnlatch.tasks.recall import CopyMemory, NoiselessMemorization
from rnnlatch.tasks.temporal_order import TemporalOrder
from rnnlatch.tasks.two_class import TwoClassTask
from rnnlatch.tasks.two_sequence import TwoSequence

__all__ = [
    "Adding",
    "Agreement",
    "CharacterPrediction",
    "CopyMemory",
    "DataTask",
    "DatasetTask",
    "DrawnTask",
    "LongLagTask",
    "MinimalLatch",
    "Multiplication",
    "NoiselessMemorization",
    "Parity",
    "RandomPermutation",
    "Sample",
    "Task",
    "TemporalOrder",
    "TwoClassTask",
    "TwoSequence",
]
