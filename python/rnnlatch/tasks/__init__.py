"""Tasks: a distribution over sequences, with a target and a cost.

Frozen dataclasses: they say what to draw; the engine draws it. `MinimalLatch`, `TwoSequence` and `Parity` are drawn,
`DatasetTask` holds sequences of your own. `Task.sample` gives what a run would be shown.
"""

from rnnlatch.tasks.base import DrawnTask, Sample, Task
from rnnlatch.tasks.dataset import DatasetTask
from rnnlatch.tasks.latch import MinimalLatch
from rnnlatch.tasks.parity import Parity
from rnnlatch.tasks.two_sequence import TwoSequence

__all__ = ["DatasetTask", "DrawnTask", "MinimalLatch", "Parity", "Sample", "Task", "TwoSequence"]
