"""Agreement: the grammar, the numbers of nouns, and where phrases stand."""

import re
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import rnnlatch as rl
from long_lag import check_uniform, network_for, shown_symbols
from rnnlatch.rng import normalise, stream_base, streams
from rnnlatch.tasks import Agreement
from rnnlatch.tasks.agreement import VERBS


@st.composite
def agreements(draw: st.DrawFn) -> Agreement:
    low = draw(st.integers(1, 30))
    fewest = draw(st.integers(0, low // 3))
    return Agreement(
        length=(low, low + draw(st.integers(0, 12))),
        intervening=draw(st.none() | st.just((fewest, fewest + draw(st.integers(0, 9))))),
        attractor_probability=draw(st.sampled_from([0, 1]) | st.floats(0, 1)),
        nouns=draw(st.integers(1, 16)),
        prepositions=draw(st.integers(1, 8)),
        adverbs=draw(st.integers(1, 12)),
        length_shared_by=draw(st.integers(1, 5)),
    )


def sentence(task: Agreement) -> re.Pattern[str]:
    """The grammar: an article, the subject, then any number of phrases and adverbs."""
    words = task.vocabulary
    singular, plural = words[1 : 1 + task.nouns], words[1 + task.nouns : 1 + 2 * task.nouns]
    others = words[1 + 2 * task.nouns :]
    prepositions, adverbs = others[: task.prepositions], others[task.prepositions :]
    assert plural == tuple(f"{noun}s" for noun in singular)
    noun = "|".join((*singular, *plural))
    clause = rf"(?: (?:{'|'.join(prepositions)}) the (?:{noun})| (?:{'|'.join(adverbs)}))*"
    return re.compile(rf"the ({noun})({clause})")


@settings(deadline=None, max_examples=60)
@given(agreements(), st.integers(0, 2**32), st.booleans())
def test_agreement(task: Agreement, seed: int, test: bool) -> None:
    drawn = task.sample(19, seed, test=test)
    grammar = sentence(task)
    assert len(set(task.vocabulary)) == task.features == drawn.inputs.shape[2]
    assert drawn.inputs.shape[1] == task.drawn_range[1] + 2
    np.testing.assert_array_equal(np.asarray(drawn.classes), drawn.targets)
    low, high = (0, 99) if task.intervening is None else np.broadcast_to(task.intervening, 2)
    for symbols, target in zip(shown_symbols(drawn), drawn.targets, strict=True):
        found = grammar.fullmatch(task.words(symbols))
        assert found is not None
        clause = found[2].split()
        assert task.distance[0] <= len(clause) + 1 <= task.distance[1]
        assert found[1].endswith("s") == (target == 1)
        between = [word.endswith("s") for before, word in pairwise(clause) if before == "the"]
        assert low <= len(between) <= min(high, len(clause) // 3)
        if task.attractor_probability in (0, 1):
            assert set(between) <= {target == 1 - task.attractor_probability}


def drawn(count: int, **given: Any) -> tuple[Agreement, NDArray[np.int64], NDArray[np.int64]]:
    """Sentences of one length, a row each, and their classes."""
    task = Agreement(**given)
    shown = task.sample(count, rng=0)
    return task, np.stack(shown_symbols(shown)), np.asarray(shown.classes)


def test_words_and_classes_are_equally_likely() -> None:
    task, symbols, classes = drawn(2000, length=5, intervening=1)
    check_uniform(classes, 0, 1)
    subjects, clause = symbols[:, 1], symbols[:, 2:]
    check_uniform(subjects, 1, 16)
    is_noun = (clause >= 1) & (clause <= 16)
    np.testing.assert_array_equal(is_noun.sum(axis=1), 1)
    inner = clause[is_noun]
    check_uniform(inner, 1, 16)
    first = 1 + 2 * task.nouns
    check_uniform(clause[(clause >= first) & (clause < first + 4)], first, first + 3)
    check_uniform(clause[clause >= first + 4], first + 4, first + 15)
    # Unrelated to each other: each pair of subject and intervening noun is as likely as any other.
    check_uniform((subjects - 1) % 8 * 8 + (inner - 1) % 8, 0, 63)
    check_uniform(classes * 2 + (inner > 8), 0, 3)


def test_orders_of_phrases_and_adverbs_are_equally_likely() -> None:
    task, symbols, _ = drawn(2000, length=9, intervening=2)
    first = 1 + 2 * task.nouns
    orders = {}
    for number, phrases in enumerate(combinations(range(5), 2)):  # which of five parts are the phrases
        orders["".join("p" if part in phrases else "a" for part in range(5))] = number
    kinds = np.select([symbols < first, symbols < first + 4], ["", "p"], "a")
    check_uniform([orders["".join(row)] for row in kinds], 0, len(orders) - 1)


def test_how_many_nouns_intervene_is_equally_likely() -> None:
    for intervening, low, high in ((None, 0, 4), ((1, 3), 1, 3), ((2, 9), 2, 4)):
        _, symbols, _ = drawn(1000, length=13, intervening=intervening)
        check_uniform(((symbols >= 1) & (symbols <= 16)).sum(axis=1) - 1, low, high)


@pytest.mark.parametrize("probability", [0.2, 0.5])
def test_attractors_are_as_likely_as_given(probability: float) -> None:
    _, symbols, classes = drawn(1500, length=9, intervening=3, attractor_probability=probability)
    plural = symbols[:, [4, 7, 10]] > 8
    other = plural != classes[:, None].astype(bool)
    # Independent of each other: how many of three is binomial.
    expected = [(1 - probability) ** 3, 3 * probability * (1 - probability) ** 2]
    for count, chance in enumerate(expected):
        share = (other.sum(axis=1) == count).mean()
        assert abs(share - chance) < 4 * np.sqrt(chance * (1 - chance) / len(classes))
    assert abs(other.mean() - probability) < 4 * np.sqrt(probability * (1 - probability) / other.size)
    assert abs(other[:, 0].mean() - other[:, 2].mean()) < 4 * np.sqrt(
        2 * probability * (1 - probability) / len(classes)
    )


def test_settings_that_differ_only_in_the_probability_share_their_words() -> None:
    given: dict[str, Any] = {"length": 9, "intervening": 2}
    _, same, _ = drawn(50, **given, attractor_probability=0)
    _, other, _ = drawn(50, **given, attractor_probability=1)
    is_noun = (same >= 1) & (same <= 16)
    is_noun[:, 1] = False
    np.testing.assert_array_equal(same[~is_noun], other[~is_noun])
    np.testing.assert_array_equal((same[is_noun] - 1 + 8) % 16, other[is_noun] - 1)


def test_distance_and_text() -> None:
    task = Agreement(length=(3, 7), nouns=2, prepositions=1, adverbs=1)
    assert (task.length_range, task.distance) == ((5, 9), (4, 8))
    assert task.vocabulary == ("the", "cat", "dog", "cats", "dogs", "near", "often")
    assert task.words(np.array([0, 3, 6, 5, 0, 2])) == "the cats often near the dog"
    assert VERBS == ("was", "were")
    assert Agreement(length=9, intervening=[1, 1]).intervening == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("driver", ["lanes", "matrices"])
def test_both_engines_show_what_is_sampled(driver: Any) -> None:
    """One update of the mean of a batch is that of the sample's gradient."""
    task = Agreement(length=(4, 9), length_shared_by=8)
    cell, algorithm = network_for(task), rl.algorithms.GradientDescent(learning_rate=1, batch_size=24)
    settings: dict[str, Any] = {"runs": 1, "criterion": None, "driver": driver, "rng": 0}
    trained = rl.train(cell, task, algorithm, max_presentations=24, **settings).isel(run=0)
    start = rl.Run(cell, task, algorithm, None, 24).initial(normalise(0).key(), streams(stream_base({}), 0, 1))
    start = {name: value[0] for name, value in start.items()}
    shown = task.sample(24, rng=0)
    given: dict[str, Any] = {"lengths": shown.lengths, "loss": task.loss}
    _, gradient = rl.gradients.loss_and_gradient(cell, start, shown.inputs, shown.targets, **given)
    for name, value in gradient.items():
        np.testing.assert_allclose(trained[name], start[name] - value, rtol=1e-9, atol=1e-12)
