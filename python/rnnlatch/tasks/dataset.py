"""Sequences of the user's own, as a task."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats, integers
from rnnlatch._record import Record
from rnnlatch._sequences import LOSSES, TIMES
from rnnlatch.tasks.base import LONGEST, DataTask, Sample, described, shown

__all__ = ["DatasetContent", "DatasetTask"]


@dataclass(frozen=True, kw_only=True)
class DatasetContent(Record):
    """What is known of the arrays of a `DatasetTask` without them: what stores and the attributes of datasets keep.

    Parameters
    ----------
    sha256 : str
        The hash of the arrays' types, shapes and bytes.
    sequences, steps, shortest, features, outputs : int
        Sequences; steps of the longest and of the shortest; numbers in at each step; numbers in a target, for
        softmax_cross_entropy the classes.
    target_low, target_high : float
        The smallest and the largest target that counts; 0 for softmax_cross_entropy.

    Examples
    --------
    >>> task = DatasetTask(inputs=np.zeros((2, 5, 1)), targets=[[-1], [1]])
    >>> task.content.sequences, task.content.steps, task.content.target_high
    (2, 5, 1.0)
    """

    sha256: str
    sequences: int
    steps: int
    shortest: int
    features: int
    outputs: int
    target_low: float
    target_high: float


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DatasetTask(DataTask):
    """Sequences and targets of your own, for all runs the same.

    Parameters
    ----------
    inputs : array_like of float, shape (n, time, features)
        The sequences.
    targets : array_like
        ``at="last"``: shape (n, outputs); ``at="every"``: (n, time, outputs). For softmax_cross_entropy integers without
        the last axis.
    lengths : array_like of int, shape (n,), optional
        Sequences end together: sequence i is the last ``lengths[i]`` steps; None: all.
    loss : {"half_squared_error", "softmax_cross_entropy", "logistic_cross_entropy"}
        As in `rnnlatch.gradients.loss_and_gradient`.
    at : {"last", "every"}
        Whether the loss looks at the last step or at every step.
    mask : array_like of float, shape (n,) or (n, time), optional
        Weights of the terms of the loss, as `at` has them, not negative; None: 1.
    order : {"cyclic", "random"}
        Which sequence is shown next: one after the other, or any with equal probability.
    tolerance : float, optional
        For half_squared_error: an output is right if it is nearer to its target than this, above 0; None: if it is on its
        target's side of the middle between the smallest target and the largest.
    content : DatasetContent, optional
        Not to be given: it follows from the arrays. It is what a store keeps in their place.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    A sequence is wrong if any of its outputs is: with softmax_cross_entropy if another output is as large as that of its
    class, with logistic_cross_entropy if the output is not positive where the target is above 1/2, or is where it is not; with
    ``at="every"`` if any step is wrong whose mask is above 0.

    The arrays are copied, as float64. They travel to workers; a store does not keep them but only their hash: it refuses
    to go on with other data, and a sweep is resumed, and its runs replayed, by the program that has the data. Two tasks
    are equal if their settings and hashes are.

    There are no fresh test sequences: `rnnlatch.evaluate` shows each sequence of a `DatasetTask` once; give it another one.

    Examples
    --------
    Was the first number larger than the last?

    >>> rng = np.random.default_rng(0)
    >>> inputs = rng.normal(size=(50, 10, 1))
    >>> DatasetTask(inputs=inputs, targets=np.sign(inputs[:, 0] - inputs[:, -1]))
    DatasetTask(50 sequences of 10 steps, features=1, outputs=1, loss='half_squared_error', at='last', sha256='ce2d207c…')
    """

    inputs: Any = None
    targets: Any = None
    lengths: Any = None
    loss: str = described("half_squared_error", "loss")
    at: str = described("last", "steps that the loss looks at")
    mask: Any = None
    order: str = described("cyclic", "order of presentation")
    tolerance: float | None = described(None, "error below which an output is right", "1")
    content: Any = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "loss", validation.choice("loss", self.loss, LOSSES))
        put(self, "at", validation.choice("at", self.at, TIMES))
        put(self, "order", validation.choice("order", self.order, ("cyclic", "random")))
        if self.tolerance is not None:
            put(self, "tolerance", validation.number("tolerance", self.tolerance, above=0))
            if self.loss != "half_squared_error":
                raise ValueError(
                    f"tolerance is {self.tolerance} and loss {self.loss!r}; only half_squared_error has a tolerance, it "
                    "must be None"
                )
        if self.inputs is None and self.targets is None and isinstance(self.content, DatasetContent):
            return  # out of a store
        if self.content is not None:
            raise ValueError("content is given together with the arrays; it must be left out, it follows from them")
        self._check_arrays()

    def __repr__(self) -> str:
        c = self.content
        steps = f"{c.steps}" if c.shortest == c.steps else f"{c.shortest} to {c.steps}"
        others = "".join(
            f", {name}={getattr(self, name)!r}"
            for name, default in (("order", "cyclic"), ("tolerance", None))
            if getattr(self, name) != default
        )
        return (
            f"DatasetTask({c.sequences} sequences of {steps} steps, features={c.features}, outputs={c.outputs}, "
            f"loss={self.loss!r}, at={self.at!r}{others}, sha256='{c.sha256[:8]}…')"
        )

    def to_dict(self) -> dict[str, Any]:
        """Give the settings as a dict that JSON can hold: the hash of the arrays stands for them.

        Returns
        -------
        dict
            ``type``, ``content``, ``loss``, ``at``, ``order``, ``tolerance``.

        Examples
        --------
        >>> task = DatasetTask(inputs=np.zeros((2, 5, 1)), targets=[[-1], [1]])
        >>> DatasetTask.from_dict(task.to_dict()) == task
        True
        """
        settings = {name: getattr(self, name) for name in ("loss", "at", "order", "tolerance")}
        return {"type": "DatasetTask", "content": self.content.to_dict()} | settings

    @property
    def features(self) -> int:
        """How many numbers a sequence has at each step."""
        return int(self.content.features)

    @property
    def outputs(self) -> int:
        """How many numbers a target has; for softmax_cross_entropy the least number of outputs."""
        return int(self.content.outputs)

    @property
    def length_range(self) -> tuple[int, int]:
        """The shortest and the longest length, in steps."""
        return (self.content.shortest, self.content.steps)

    @property
    def training_set(self) -> int:
        """Number of sequences."""
        return int(self.content.sequences)

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share."""
        return {
            "task": "DatasetTask",
            "length_low": self.content.shortest,
            "length_high": self.content.steps,
            "prefix_low": 0,
            "prefix_high": 0,
            "sequences": self.content.sequences,
            "random_order": int(self.order == "random"),
            "uniform_noise": 0,
            "given_prototypes": 0,
            "features": self.content.features,
        }

    def columns(self) -> dict[str, float]:
        """Give what may differ from run to run."""
        return {
            "noise_std": 0.0,
            "prefix_noise_std": 0.0,
            "target_low": self.content.target_low,
            "target_high": self.content.target_high,
            "tolerance": self.tolerance or 0.0,
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give the sequences.

        Raises
        ------
        ValueError
            If the task was read from a store, which does not keep them.
        """
        if self.inputs is None:
            raise ValueError(
                f"the task is a DatasetTask out of a store, which keeps of its arrays only the hash {self.content.sha256[:8]}…; "
                "use the task that was made with the arrays"
            )
        given = {"inputs": self.inputs, "targets": self.targets, "lengths": self.lengths, "mask": self.mask}
        return {name: value for name, value in given.items() if value is not None}

    def _draw(self, count: int, key: NDArray[np.uint32], stream: int, test: bool, first: int = 0) -> Sample:
        arrays, n = self.arrays(), self.training_set
        presentation = np.arange(first, first + count)
        index = shown(n, "cyclic" if test else self.order, key, stream, presentation)
        steps = self.content.steps
        lengths = arrays["lengths"][index] if "lengths" in arrays else np.full(count, steps)
        begun = np.arange(steps) >= steps - lengths[:, None]
        inputs = np.where(begun[..., None], arrays["inputs"][index], 0.0)
        mask = arrays["mask"][index] if "mask" in arrays else None
        return Sample(inputs, arrays["targets"][index], lengths, None, mask)

    @property
    def sideless(self) -> float | None:
        """A target that is on neither side of the middle, which no output can be right for; None where there is none."""
        if self.loss != "half_squared_error" or self.tolerance is not None or self.targets is None:
            return None
        middle = 0.5 * (self.content.target_low + self.content.target_high)
        return middle if (self.targets == middle).any() else None

    def _check_arrays(self) -> None:
        put, double = object.__setattr__, np.dtype(np.float64)
        allowed = "an array of real numbers, shape (n, time, features)"
        inputs = np.array(floats("inputs", self.inputs, allowed, double), order="C")
        if inputs.ndim != 3 or inputs.size == 0:
            raise ValueError(f"inputs has shape {inputs.shape}; it must be {allowed}, each at least 1")
        check_finite("inputs", inputs)
        n, steps, features = inputs.shape
        if steps > LONGEST:
            raise ValueError(f"inputs has {steps} steps; it must have at most {LONGEST}")
        lengths = None
        if self.lengths is not None:
            allowed = f"integers from 1 to {steps}, shape (n,) = ({n},)"
            lengths = np.array(integers("lengths", self.lengths, allowed), order="C")
            if lengths.shape != (n,):
                raise ValueError(f"lengths has shape {lengths.shape}; it must be {allowed}")
            if lengths.min() < 1 or lengths.max() > steps:
                wrong = lengths.min() if lengths.min() < 1 else lengths.max()
                raise ValueError(f"lengths has {wrong}; it must be {allowed}")
            if (lengths == steps).all():
                lengths = None
        terms = (n, steps) if self.at == "every" else (n,)
        mask = self._checked_mask(terms)
        counts = np.ones(terms, bool) if mask is None else mask > 0
        if self.at == "every" and lengths is not None:
            counts &= np.arange(steps) >= steps - lengths[:, None]
        if not counts.any():
            raise ValueError("mask is 0 wherever there is a target; at least one must count")
        targets = self._checked_targets(terms)
        low, high, outputs = 0.0, 0.0, int(targets.max()) + 1
        if self.loss != "softmax_cross_entropy":
            low, high, outputs = float(targets[counts].min()), float(targets[counts].max()), targets.shape[-1]
        arrays = {"inputs": inputs, "targets": targets, "lengths": lengths, "mask": mask}
        for name, array in arrays.items():
            if array is not None:
                array.flags.writeable = False
            put(self, name, array)
        content = DatasetContent(
            sha256=_hash(arrays),
            sequences=n,
            steps=steps,
            shortest=steps if lengths is None else int(lengths.min()),
            features=features,
            outputs=outputs,
            target_low=low,
            target_high=high,
        )
        put(self, "content", content)

    def _checked_mask(self, terms: tuple[int, ...]) -> NDArray[np.float64] | None:
        if self.mask is None:
            return None
        allowed = f"numbers that are not negative, shape {_words(self.at)} = {terms}"
        plain = np.asarray(self.mask, np.float64) if getattr(self.mask, "dtype", None) == np.bool_ else self.mask
        mask: NDArray[np.float64] = np.array(floats("mask", plain, allowed, np.dtype(np.float64)), order="C")
        if mask.shape != terms:
            raise ValueError(f"mask has shape {mask.shape}; it must be {allowed}")
        check_finite("mask", mask)
        if mask.min() < 0:
            raise ValueError(f"mask has {mask.min()}; it must be {allowed}")
        return mask

    def _checked_targets(self, terms: tuple[int, ...]) -> NDArray[Any]:
        words = _words(self.at)
        targets: NDArray[Any]
        if self.loss == "softmax_cross_entropy":
            allowed = f"integers that are not negative, shape {words} = {terms}"
            targets = np.array(integers("targets", self.targets, allowed), order="C")
            if targets.shape != terms:
                raise ValueError(f"targets has shape {targets.shape}; it must be {allowed}")
            if targets.min() < 0:
                raise ValueError(f"targets has {targets.min()}; it must be {allowed}")
            return targets
        allowed = f"real numbers, shape {words[:-1].rstrip(',')}, outputs) = ({', '.join(map(str, terms))}, outputs)"
        targets = np.array(floats("targets", self.targets, allowed, np.dtype(np.float64)), order="C")
        if targets.ndim != len(terms) + 1 or targets.shape[:-1] != terms or targets.shape[-1] == 0:
            raise ValueError(f"targets has shape {targets.shape}; it must be {allowed}")
        check_finite("targets", targets)
        if self.loss == "logistic_cross_entropy" and (targets.min() < 0 or targets.max() > 1):
            wrong = targets.min() if targets.min() < 0 else targets.max()
            raise ValueError(f"targets has {wrong}; for logistic_cross_entropy it must be from 0 to 1")
        return targets


def _words(at: str) -> str:
    return "(n, time)" if at == "every" else "(n,)"


def _hash(arrays: dict[str, NDArray[Any] | None]) -> str:
    """The hash of the names, types, shapes and bytes of arrays, little-endian."""
    digest = hashlib.sha256()
    for name, array in arrays.items():
        if array is not None:
            plain = array.astype(array.dtype.newbyteorder("<"), copy=False)
            digest.update(f"{name} {plain.dtype.str} {plain.shape} ".encode())
            digest.update(plain.tobytes())
    return digest.hexdigest()
