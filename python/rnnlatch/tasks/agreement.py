"""Agreement: the verb has the number of its subject, which was many words before."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlatch import validation
from rnnlatch.tasks.base import LONGEST, described
from rnnlatch.tasks.long_lag import LongLagTask

__all__ = ["Agreement"]

# fmt: off
NOUNS = (
    "cat", "dog", "boy", "girl", "car", "bird", "tree", "horse", "cow", "farmer", "teacher", "doctor", "table", "chair",
    "river", "garden",
)
PREPOSITIONS = ("near", "behind", "beside", "above", "below", "beyond", "with", "without")
ADVERBS = (
    "often", "always", "today", "again", "still", "perhaps", "usually", "really", "sometimes", "already", "probably",
    "clearly",
)
# fmt: on
VERBS = ("was", "were")
PHRASE = 3  # words


@dataclass(frozen=True, kw_only=True, repr=False)
class Agreement(LongLagTask):
    """A sentence up to its verb, "the cats near the dog often …": whether it is "was" or "were".

    One word is shown at each step, as a 1 among zeros: "the", a noun in the singular or the plural, the subject, and then a
    clause, which is made of adverbs and of phrases such as "near the dogs". At the last step the verb is asked for: class 0,
    "was", after a subject in the singular, class 1, "were", after one in the plural; both are equally likely. The same words
    are nouns of the clause, which the verb does not agree with. The loss is softmax_cross_entropy at the last step.

    Parameters
    ----------
    length : int or pair of int
        Words of the clause, 1 to 1,000,000; or an inclusive range that they are drawn from uniformly. A sequence has
        ``length + 2`` steps.
    intervening : int or pair of int, optional
        Phrases, hence nouns, in the clause, three words each; or an inclusive range that they are drawn from uniformly, up
        to as many as fit into the clause. None: from none to as many as fit.
    attractor_probability : float
        How likely an intervening noun has the other number than the subject, 0 to 1, independently of the others. With 1/2
        the nouns of the clause tell nothing about the verb.
    nouns : int
        How many nouns there are, 1 to 16.
    prepositions : int
        How many prepositions there are, 1 to 8.
    adverbs : int
        How many adverbs there are, 1 to 12.
    length_shared_by : int
        So many consecutive sequences have the same length: with the batch size, all of a minibatch. 1 to 2**32 - 1.
    sequences : int, optional
        Size of a training set that is drawn once for a run and then shown again and again; None: every presentation is a
        fresh sequence.
    order : {"cyclic", "random"}
        Which sequence of a training set is shown next: one after the other, or any with equal probability.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or the shortest clause has no room for the fewest phrases.

    Notes
    -----
    Phrases and adverbs stand in any order, all orders equally likely; so are the words of each kind. Columns are in the order
    of `vocabulary`. A sequence is wrong if the output of the other verb is as large.

    Source: the example is that of courses which follow I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning", MIT Press,
    2016, section 10.7: "The cat, …, was full. The cats, …, were full." Agreement as a test of recurrent networks, with
    intervening nouns and *attractors*, those of the other number: T. Linzen, E. Dupoux and Y. Goldberg, "Assessing the ability
    of LSTMs to learn syntax-sensitive dependencies", TACL 4:521-535, 2016, on sentences of Wikipedia. The language, its words
    and its probabilities are ours.

    Examples
    --------
    >>> task = Agreement(length=(4, 8), intervening=1)
    >>> task.features, task.outputs, task.distance
    (33, 2, (5, 9))
    >>> shown = task.sample(3, rng=0)
    >>> for inputs, steps, verb in zip(shown.inputs, shown.lengths, shown.targets):
    ...     print(task.words(inputs[-steps:].argmax(axis=1)), VERBS[verb])
    the bird still near the car was
    the tree sometimes behind the dog perhaps still often was
    the dog above the cars probably often really probably perhaps was
    """

    intervening: int | tuple[int, int] | None = described(None, "intervening nouns", "nouns")
    attractor_probability: float = described(0.5, "probability that an intervening noun has the other number", "1")
    nouns: int = described(8, "nouns", "words")
    prepositions: int = described(4, "prepositions", "words")
    adverbs: int = described(12, "adverbs", "words")

    loss = "softmax_cross_entropy"

    def __post_init__(self) -> None:
        put = object.__setattr__
        super().__post_init__()
        for name, words in (("nouns", NOUNS), ("prepositions", PREPOSITIONS), ("adverbs", ADVERBS)):
            put(self, name, validation.integer(name, getattr(self, name), at_least=1, at_most=len(words)))
        name = "attractor_probability"
        put(self, name, validation.number(name, self.attractor_probability, at_least=0, at_most=1))
        if self.intervening is not None:
            put(self, "intervening", _phrases(self.intervening, self.drawn_range[0] // PHRASE, self.length))

    @property
    def features(self) -> int:
        """How many words there are."""
        return len(self.vocabulary)

    @property
    def outputs(self) -> int:
        """How many classes there are: 2."""
        return len(VERBS)

    @property
    def length_range(self) -> tuple[int, int]:
        """The shortest and the longest sequence, in steps: the clause, and two words before it."""
        low, high = self.drawn_range
        return low + 2, high + 2

    @property
    def distance(self) -> tuple[int, int]:
        """How many words the verb comes after its subject, at least and at most."""
        low, high = self.drawn_range
        return low + 1, high + 1

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The words, in the order of the columns: "the", nouns in the singular, in the plural, prepositions, adverbs."""
        nouns = NOUNS[: self.nouns]
        plurals = tuple(f"{noun}s" for noun in nouns)
        return ("the", *nouns, *plurals, *PREPOSITIONS[: self.prepositions], *ADVERBS[: self.adverbs])

    def words(self, symbols: ArrayLike) -> str:
        """Give a sequence as text.

        Parameters
        ----------
        symbols : array-like of int, shape (steps,)
            The column of each step.

        Returns
        -------
        str
            The words, with spaces between them.

        Raises
        ------
        TypeError, ValueError
            If they are not columns.

        Examples
        --------
        >>> Agreement(length=3).words([0, 9, 17, 0, 2])
        'the cats near the dog'
        """
        columns = np.asarray(symbols)
        allowed = f"integers from 0 to {self.features - 1}, one for each step"
        if columns.dtype.kind not in "iu":
            raise TypeError(f"symbols is {validation.show(symbols)}; it must be {allowed}")
        if columns.ndim != 1 or ((columns < 0) | (columns >= self.features)).any():
            raise validation.fail("symbols", symbols, allowed)
        return " ".join(self.vocabulary[column] for column in columns)

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share."""
        low, high = self._intervening
        return super().structure() | {
            "nouns": self.nouns,
            "prepositions": self.prepositions,
            "adverbs": self.adverbs,
            "intervening_low": low,
            "intervening_high": high,
        }

    def columns(self) -> dict[str, float]:
        """Give what may differ from run to run."""
        return super().columns() | {"attractor_probability": self.attractor_probability}

    def classes_of(self, targets: NDArray[Any]) -> NDArray[np.int64]:
        """Give the classes of the sequences with these targets."""
        return targets

    @property
    def _intervening(self) -> tuple[int, int]:
        if self.intervening is None:
            return 0, self.drawn_range[1] // PHRASE
        return self.intervening if isinstance(self.intervening, tuple) else (self.intervening, self.intervening)


def _phrases(given: object, room: int, length: object) -> int | tuple[int, int]:
    """Check how many phrases there are; the fewest must fit into the shortest clause."""
    if isinstance(given, tuple | list | np.ndarray) and np.ndim(given):
        if len(given) != 2:
            raise validation.fail(
                "intervening", given, "an integer of at least 0, or a pair of them: the fewest and the most"
            )
        low, high = (validation.integer("intervening", item, at_least=0, at_most=LONGEST) for item in given)
        if low > high:
            raise validation.fail("intervening", (low, high), "such that the fewest come first")
    else:
        low = high = validation.integer("intervening", given, at_least=0, at_most=LONGEST)
    if low > room:
        raise ValueError(
            f"intervening is {validation.show(given)} and length {validation.show(length)}; the shortest clause has room for "
            f"{room} phrases of {PHRASE} words"
        )
    return low if low == high else (low, high)
