"""The generator: published answers, the NumPy twin bit for bit, and whether what it draws is what it should be.

The statistical tests have fixed seeds, so they pass always or never. With correct numbers each of them would fail for a
share ALPHA of all seeds; there are about 150.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special, stats

from rnnlatch import random as twin
from rnnlatch._dispatch import core
from rnnlatch.random import Purpose

Kind = Literal["normal", "uniform"]
Draws = NDArray[np.float64]

ALPHA = 1e-6
KEY = np.array([0x243F6A88, 0x85A308D3], np.uint32)
FIRST_STREAM = 0x9E3779B97F4A7C15

# tests/kat_vectors of Random123 (D. E. Shaw Research): rounds, counter, key, answer.
KNOWN_ANSWERS = """
 7 00000000 00000000 00000000 00000000 00000000 00000000   5f6fb709 0d893f64 4f121f81 4f730a48
 7 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff   5207ddc2 45165e59 4d8ee751 8c52f662
 7 243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0   4dfccaba 190a87f0 c47362ba b6b5242a
10 00000000 00000000 00000000 00000000 00000000 00000000   6627e8d5 e169c58d bc57ac4c 9b00dbd8
10 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff   408f276d 41c83b0e a20bc7c6 6d5451fd
10 243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0   d16cfe09 94fdcceb 5001e420 24126ea1
"""


def streams(count: int, first: int = FIRST_STREAM) -> NDArray[np.uint64]:
    """Neighbouring streams, as the trials of a grid point have them."""
    return np.uint64(first) + np.arange(count, dtype=np.uint64)


def draw(
    kind: Kind,
    shape: tuple[int, int] = (1024, 1024),
    purpose: int = 1,
    presentation: int = 0,
    first: int = FIRST_STREAM,
) -> Draws:
    """Numbers of the engine with variance 1, (streams, steps)."""
    drawn = core.draws(kind, KEY, streams(shape[0], first), purpose, presentation, shape[1])
    return drawn * math.sqrt(3) if kind == "uniform" else drawn


# ---- the bits --------------------------------------------------------------------------------------------------------


@pytest.mark.isa
@pytest.mark.parametrize("cipher", [core.philox4x32, twin.philox4x32], ids=["engine", "twin"])
@pytest.mark.parametrize("line", KNOWN_ANSWERS.strip().splitlines())
def test_known_answers(cipher: Callable[..., NDArray[np.uint32]], line: str) -> None:
    rounds, *rest = line.split()
    numbers = np.array([int(word, 16) for word in rest], np.uint32)
    answer = cipher(numbers[None, :4], numbers[4:6], rounds=int(rounds))
    np.testing.assert_array_equal(answer, numbers[None, 6:])


def philox(counter: list[int], key: list[int], bits: int) -> list[int]:
    """Ten rounds of Philox with four words of 32 or 64 bits, in plain integers."""
    multipliers = {32: (0xD2511F53, 0xCD9E8D57), 64: (0xD2E7470EE14C6C93, 0xCA5A826395121157)}[bits]
    weyl = {32: (0x9E3779B9, 0xBB67AE85), 64: (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)}[bits]
    a, b, c, d = counter
    for n in range(10):
        (high_a, low_a), (high_c, low_c) = (divmod(m * x, 2**bits) for m, x in zip(multipliers, (a, c), strict=True))
        k0, k1 = ((k + n * w) % 2**bits for k, w in zip(key, weyl, strict=True))
        a, b, c, d = high_c ^ b ^ k0, low_c, high_a ^ d ^ k1, low_a
    return [a, b, c, d]


def test_with_wider_words_it_is_numpys_generator() -> None:
    """NumPy's Philox has words of 64 bits: the same few lines give its numbers and, with 32 bits, the twin's."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        counter, key = rng.integers(0, 2**63, 4).tolist(), rng.integers(0, 2**63, 2).tolist()
        # NumPy counts up before it draws.
        numpys = np.random.Philox(counter=[counter[0] - 1, *counter[1:]], key=key).random_raw(4)
        assert numpys.tolist() == philox(counter, key, 64)
        counter, key = [x % 2**32 for x in counter], [x % 2**32 for x in key]
        assert twin.philox4x32(counter, key).tolist() == philox(counter, key, 32)


@pytest.mark.isa
def test_the_generator_and_its_twin_agree() -> None:
    rng = np.random.default_rng(1)
    counter = rng.integers(0, 2**32, (1000, 4), np.uint32)
    key = rng.integers(0, 2**32, 2, np.uint32)
    for rounds in (1, 2, 7, 10):
        np.testing.assert_array_equal(core.philox4x32(counter, key, rounds), twin.philox4x32(counter, key, rounds))


@pytest.mark.isa
@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_draws_and_their_twin_have_the_same_bits(kind: Kind) -> None:
    rng = np.random.default_rng(2)
    for purpose in (*Purpose, 255):
        for presentation in (0, 1, 999_999, 2**32 - 1):
            for count in (0, 1, 2, 3, 4, 5, 17, 64):
                key = rng.integers(0, 2**32, 2, np.uint32)
                runs = rng.integers(0, 2**64, 37, np.uint64)
                arguments = key, runs, int(purpose), presentation, count
                ours, twins = core.draws(kind, *arguments), twin.draws(kind, *arguments)
                assert ours.shape == (37, count)
                np.testing.assert_array_equal(ours.view(np.uint64), twins.view(np.uint64))


@pytest.mark.isa
def test_many_normals_and_their_twins_have_the_same_bits() -> None:
    drawn = core.draws("normal", KEY, streams(256), Purpose.NOISE, 3, 4096)
    np.testing.assert_array_equal(
        drawn.view(np.uint64), twin.normal(KEY, streams(256), Purpose.NOISE, 3, 4096).view(np.uint64)
    )


@pytest.mark.isa
def test_a_draw_depends_on_its_place_only() -> None:
    """Neither the other runs of a call nor how many numbers are asked for matter."""
    runs = streams(100)
    drawn = core.draws("normal", KEY, runs, Purpose.NOISE, 5, 50)
    order = np.random.default_rng(3).permutation(100)
    np.testing.assert_array_equal(core.draws("normal", KEY, runs[order], Purpose.NOISE, 5, 50), drawn[order])
    np.testing.assert_array_equal(core.draws("normal", KEY, runs[40:41], Purpose.NOISE, 5, 9), drawn[40:41, :9])


def test_twin_by_the_layout_of_the_counter() -> None:
    """The n-th word is word n mod 4 of the block n div 4, counted in the low bits of the first counter word."""
    stream, presentation = 0x0123456789ABCDEF, 7
    expected = [
        twin.philox4x32([Purpose.TEST << 24 | block, presentation, 0x89ABCDEF, 0x01234567], KEY) for block in range(3)
    ]
    got = twin.words(KEY, [stream], Purpose.TEST, presentation, 10)
    np.testing.assert_array_equal(got[0], np.concatenate(expected)[:10])
    u = twin.uniform53(KEY, [stream], Purpose.TEST, presentation, 5)[0]
    for j in range(5):
        assert u[j] == ((int(got[0, 2 * j]) >> 5) * 2**26 + (int(got[0, 2 * j + 1]) >> 6)) / 2**53


def test_streams_are_hashes_of_the_point_plus_the_trial() -> None:
    assert twin.stream_ids({}, [0]).tolist() == [0x536D56FF20B7E701]
    a = twin.stream_ids({"w0": 1.25, "noise_std": 0.2, "kind": "fixed"}, 5)
    assert (a == a[0] + np.arange(5, dtype=np.uint64)).all()
    assert a[0] != twin.stream_ids({"w0": 1.25, "noise_std": 0.3, "kind": "fixed"}, 1)[0]
    np.testing.assert_array_equal(a[[3, 1]], twin.stream_ids({"kind": "fixed", "noise_std": 0.2, "w0": 1.25}, [3, 1]))
    np.testing.assert_array_equal(a, twin.stream_ids({"kind": "fixed", "noise_std": np.float64(0.2), "w0": 1.25}, 5))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: twin.philox4x32([0, 0, 0], [0, 0]), "counter has shape"),
        (lambda: twin.philox4x32([0, 0, 0, 0], [0]), "key has shape"),
        (lambda: twin.philox4x32([0, 0, 0, -1], [0, 0]), "counter must consist of integers"),
        (lambda: twin.philox4x32([0, 0, 0, 0.5], [0, 0]), "counter must consist of integers"),
        (lambda: twin.philox4x32([0, 0, 0, 0], [0, 2**32]), "key must consist of integers"),
        (lambda: twin.philox4x32([0, 0, 0, 0], [0, 0], rounds=0), "rounds is 0"),
        (lambda: twin.words(KEY, [0], 256, 0, 1), "purpose is 256"),
        (lambda: twin.words(KEY, [0], 1, -1, 1), "presentation is -1"),
        (lambda: twin.words(KEY, [0], 1, 0, -1), "count is -1"),
        (lambda: twin.draws("cauchy", KEY, [0], 1, 0, 1), "kind is 'cauchy'"),  # type: ignore[arg-type]
        (lambda: twin.words(KEY, [2**64], 0, 0, 1), r"streams must consist of integers from 0 to 2\*\*64 - 1"),
        (lambda: twin.words(KEY, [0.5], 0, 0, 1), "streams must consist of integers"),
        (lambda: twin.stream_ids({}, [2**64]), "trials must consist of integers"),
    ],
)
def test_bad_input(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# ---- resolution and tail ---------------------------------------------------------------------------------------------

LARGEST = 6.6605

# Places (purpose, presentation, stream, index) whose words are the extreme ones, found by running the cipher backwards;
# the two words; the two normals.
EXTREMES = [
    (163, 0x99D03447, 0x8D7D928DA7E43C74, 28, (0, 0), (6.660436630249023, 0.0)),
    (187, 0x7600F954, 0x1D7949E905447A53, 16, (1, 0x80000000), (-6.660436630249023, 0.0)),
    (38, 0xAB8E21A4, 0x215B049A4D50201A, 0, (0, 0x3FFFFFFF), (0.0, 6.660437107086182)),
    (249, 0xF731E5D6, 0xCE9B4C5BAF615C62, 4, (0, 0x40000000), (0.0, -6.660437107086182)),
    (226, 0x80FE170A, 0x61C591B9FEE5E8, 20, (0xFFFFFFFF, 0x12345678), (0.0, 0.0)),
    (178, 0xE2B7F972, 0x384EB04E10C8B4D7, 20, (0xFFFFFF00, 0), (0.0003452669479884207, 0.0)),
]


@pytest.mark.isa
@pytest.mark.parametrize("extreme", EXTREMES)
def test_extreme_normals(extreme: tuple[int, int, int, int, tuple[int, int], tuple[float, float]]) -> None:
    purpose, presentation, stream, index, pair, values = extreme
    runs = np.array([stream], np.uint64)
    assert tuple(twin.words(KEY, runs, purpose, presentation, index + 2)[0, index:]) == pair
    assert tuple(core.draws("normal", KEY, runs, purpose, presentation, index + 2)[0, index:]) == values


def exact_normals(word_0: NDArray[np.uint32], word_1: NDArray[np.uint32]) -> tuple[Any, Any, Any]:
    """Radius and both normals by the documented formula in extended precision."""
    half = np.float32(0.5)
    u = ((word_0 >> np.uint32(1)).astype(np.float32) + half).astype(np.longdouble) / 2.0**31
    v = (word_1 << np.uint32(1)).view(np.int32).astype(np.float32).astype(np.longdouble) / 2.0**31
    angle = v * np.longdouble("1.57079632679489661923")
    radius = np.sqrt(-2 * np.log(u))
    turned = np.where(word_1 >= 2**31, -radius, radius)
    return radius, turned * np.cos(angle), turned * np.sin(angle)


@pytest.mark.parametrize(("least", "greatest"), [(0, 2**6), (0, 2**20), (0, 2**32), (2**32 - 2**20, 2**32)])
def test_accuracy_of_the_transformation(least: int, greatest: int) -> None:
    rng = np.random.default_rng(4)
    word_0 = rng.integers(least, greatest, 200_000).astype(np.uint32)
    word_1 = rng.integers(0, 2**32, word_0.size).astype(np.uint32)
    radius, *exact = exact_normals(word_0, word_1)
    for got, expected in zip(twin.box_muller(word_0, word_1), exact, strict=True):
        assert np.all(np.abs(got - expected) <= 4e-7 * radius)
        assert np.abs(got).max() <= LARGEST


def test_symmetry_of_the_transformation() -> None:
    """The top bit of the second word turns both normals round, exactly."""
    words = np.random.default_rng(5).integers(0, 2**32, (2, 100_000), np.uint32)
    first, second = twin.box_muller(*words)
    turned_first, turned_second = twin.box_muller(words[0], words[1] ^ np.uint32(2**31))
    np.testing.assert_array_equal(turned_first, -first)
    np.testing.assert_array_equal(turned_second, -second)


def test_resolution_of_uniform_noise() -> None:
    words = np.array([0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF], np.uint32)
    expected = (words.view(np.int32).astype(float) + 0.5) / 2**31
    assert expected.tolist() == [2.0**-32, 1 - 2.0**-32, -1 + 2.0**-32, -(2.0**-32)]
    drawn = core.draws("uniform", KEY, streams(64), Purpose.NOISE, 0, 64)
    np.testing.assert_array_equal(drawn * 2.0**32 % 2, 1)  # odd multiples of 2^-32: symmetric, never 0


# ---- the distribution ------------------------------------------------------------------------------------------------


def assert_plausible(p_value: Any) -> None:
    assert p_value > ALPHA


def assert_standard_normal(z: float) -> None:
    """A test statistic that is standard normal if all is well, two-sided."""
    assert_plausible(2 * float(stats.norm.sf(abs(z))))


def even_moment(kind: Kind, k: int) -> float:
    """E x^k for even k, at variance 1."""
    return float(special.factorial2(k - 1)) if kind == "normal" else 3 ** (k / 2) / (k + 1)


@pytest.mark.parametrize("kind", ["normal", "uniform"])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 6])
def test_moments(kind: Kind, k: int) -> None:
    x = draw(kind, (2048, 1024))
    mean = even_moment(kind, k) if k % 2 == 0 else 0.0
    spread = math.sqrt(even_moment(kind, 2 * k) - mean**2)
    assert_standard_normal((float(np.mean(x**k)) - mean) / spread * math.sqrt(x.size))


def test_tails_of_the_normal() -> None:
    """Counts beyond 3, 4 and 5 standard deviations among 16 million, on both sides: their distribution is binomial."""
    chunks, limits = 8, (3, 4, 5)
    counts = np.zeros((2, len(limits)), int)
    for presentation in range(chunks):
        x = draw("normal", (2048, 1024), presentation=presentation)
        assert np.abs(x).max() <= LARGEST
        counts += [[np.count_nonzero(sign * x > limit) for limit in limits] for sign in (1, -1)]
    for row in counts:
        for count, limit in zip(row, limits, strict=True):
            assert_plausible(stats.binomtest(int(count), chunks * 2048 * 1024, float(stats.norm.sf(limit))).pvalue)


@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_bulk_by_kolmogorov_and_smirnov(kind: Kind) -> None:
    x = draw(kind).ravel()
    cdf = stats.norm.cdf if kind == "normal" else stats.uniform(-math.sqrt(3), 2 * math.sqrt(3)).cdf
    assert_plausible(stats.kstest(x, cdf).pvalue)


@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_bulk_by_chi_square(kind: Kind) -> None:
    x = draw(kind).ravel()
    probability = special.ndtr(x) if kind == "normal" else x / (2 * math.sqrt(3)) + 0.5
    counts = np.bincount((probability * 1000).astype(int), minlength=1000)
    assert_plausible(stats.chisquare(counts).pvalue)


def test_bytes_of_the_words() -> None:
    words = (
        (core.draws("uniform", KEY, streams(1024), Purpose.NOISE, 0, 1024) * 2.0**31 - 0.5).astype(np.int64)
    ) % 2**32
    for shift in (0, 8, 16, 24):
        assert_plausible(stats.chisquare(np.bincount(((words >> shift) & 255).ravel(), minlength=256)).pvalue)


@pytest.mark.parametrize("which", [0, 1])
def test_a_pair_is_a_radius_and_an_angle(which: int) -> None:
    """Of the two normals of a pair, squared radius and angle are independent, exponential and uniform."""
    x = draw("normal")
    first, second = x[:, 2 * which :: 4].ravel(), x[:, 2 * which + 1 :: 4].ravel()
    radius = np.exp(-(first**2 + second**2) / 2)
    angle = np.arctan2(second, first) / (2 * math.pi) + 0.5
    assert_plausible(stats.kstest(radius, stats.uniform.cdf).pvalue)
    assert_plausible(stats.kstest(angle, stats.uniform.cdf).pvalue)
    cells = np.bincount((radius * 32).astype(int) * 32 + (angle * 32 % 32).astype(int), minlength=1024)
    assert_plausible(stats.chisquare(cells).pvalue)


# ---- independence ----------------------------------------------------------------------------------------------------


def assert_uncorrelated(kind: Kind, x: Draws, y: Draws) -> None:
    """Values, squares, and values with squares of two arrays whose elements are paired; the variance is 1."""
    count = math.sqrt(x.size)
    fourth = even_moment(kind, 4) - 1  # the variance of the square
    x2, y2 = x**2 - 1, y**2 - 1
    assert_standard_normal(float(np.sum(x * y)) / count)
    assert_standard_normal(float(np.sum(x2 * y2)) / fourth / count)
    assert_standard_normal(float(np.sum(x * y2)) / math.sqrt(fourth) / count)
    assert_standard_normal(float(np.sum(x2 * y)) / math.sqrt(fourth) / count)


both_kinds = pytest.mark.parametrize("kind", ["normal", "uniform"])


@both_kinds
def test_runs_are_independent(kind: Kind) -> None:
    x = draw(kind)
    for distance in (1, 2, 16):
        assert_uncorrelated(kind, x[distance:], x[:-distance])
    far = draw(kind, first=(FIRST_STREAM + 2**32) % 2**64)  # another high word
    assert_uncorrelated(kind, x, far)


@both_kinds
def test_presentations_are_independent(kind: Kind) -> None:
    x = draw(kind)
    for presentation in (1, 2, 2**31):
        assert_uncorrelated(kind, x, draw(kind, presentation=presentation))


@both_kinds
def test_steps_are_independent(kind: Kind) -> None:
    """The two normals of a pair are neighbours, too; so are the words of a block."""
    x = draw(kind)
    for lag in (1, 2, 3, 4, 5):
        assert_uncorrelated(kind, x[:, lag:], x[:, :-lag])
    for a in range(4):
        for b in range(a):
            assert_uncorrelated(kind, x[:, a::4], x[:, b::4])


@both_kinds
def test_purposes_are_independent(kind: Kind) -> None:
    drawn = [draw(kind, (1024, 512), purpose=purpose) for purpose in Purpose]
    for a in range(4):
        for b in range(a):
            assert_uncorrelated(kind, drawn[a], drawn[b])


def test_runs_are_independent_as_a_whole() -> None:
    """The sum of all draws of a run is normal over runs: no common component, whatever its sign."""
    sums = draw("normal", (4096, 256)).sum(axis=1) / 16
    assert_plausible(stats.kstest(sums, stats.norm.cdf).pvalue)
