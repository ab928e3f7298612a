"""The keyword rng: what it takes, and that all that is taken from it can be stored."""

import json
from typing import Any

import numpy as np
import pytest

from rnnlatch import rng
from rnnlatch.random import stream_ids
from rnnlatch.rng import Seed, normalise, stream_base, streams


def test_a_seed_is_a_seed_sequence() -> None:
    child = np.random.SeedSequence(5).spawn(3)[2]
    seeds: list[Any] = [7, np.int64(7), [1, 2, 3], np.random.SeedSequence(9), child]
    for given in [*seeds, np.random.SeedSequence([1, 2], pool_size=8)]:
        wanted = given if isinstance(given, np.random.SeedSequence) else np.random.SeedSequence(given)
        np.testing.assert_array_equal(normalise(given).key(), wanted.generate_state(2, np.uint32))


def test_an_array_is_a_sequence() -> None:
    assert normalise(np.array([1, 2])) == normalise([1, 2]) == normalise((1, 2)) == Seed((1, 2))


def test_a_generator_is_advanced_and_repeats_from_its_own_seed() -> None:
    one, other = np.random.default_rng(3), np.random.default_rng(3)
    first, second = normalise(one), normalise(one)
    assert first != second
    assert (normalise(other), normalise(other)) == (first, second)
    assert isinstance(first.entropy, int)
    assert normalise(np.random.PCG64(3)) == first


def test_none_is_entropy_of_the_system() -> None:
    assert normalise(None) != normalise(None)


@pytest.mark.parametrize("given", [0, 2**127 + 1, [4, 5], np.random.SeedSequence(8, spawn_key=(1, 2)), None])
def test_what_is_stored_draws_the_same(given: Any) -> None:
    seed = normalise(given)
    assert normalise(seed.to_json()) == seed
    assert normalise(json.loads(seed.to_json())) == seed


@pytest.mark.parametrize("given", ["", "[]", "{}", '{"entropy":-1}', '{"entropy":0,"pool_size":3}', {"entropy": "x"}])
def test_a_text_that_is_no_seed_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match=r"rng is .* it must be None"):
        normalise(given)


def test_streams_are_those_of_the_twin() -> None:
    point = {"w0": 1.25, "name": "a", "flag": True}
    np.testing.assert_array_equal(streams(stream_base(point), 3, 4), stream_ids(point, [3, 4, 5, 6]))


def test_streams_wrap_around() -> None:
    np.testing.assert_array_equal(streams(2**64 - 1, 0, 2), np.array([2**64 - 1, 0], dtype=np.uint64))


def test_equal_values_have_equal_streams_and_others_do_not() -> None:
    assert stream_base({"x": 1}) == stream_base({"x": 1.0})
    assert stream_base({"x": 0.0}) == stream_base({"x": -0.0}) == stream_base({"x": 0})
    assert len({stream_base({"x": value}) for value in (1, True, "1", 1.5, 2)}) == 5
    assert stream_base({"x": 1, "y": 2}) == stream_base({"y": 2, "x": 1}) != stream_base({"x": 2, "y": 1})


def test_large_floats_keep_their_value() -> None:
    assert rng.canonical(1e300) == 1e300
    assert stream_base({"x": 1e300}) != stream_base({"x": 2e300})
