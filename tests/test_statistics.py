from collections.abc import Callable

import numpy as np
import pytest
from scipy import optimize, special, stats

from rnnlatch.statistics import effective_trials, mean_interval, predictive_log_likelihood, trend_test, wilson_interval


@pytest.mark.parametrize(("successes", "trials"), [(0, 18), (9, 18), (18, 18), (3, 1000)])
def test_wilson_interval_is_scipys(successes: int, trials: int) -> None:
    low, high = wilson_interval(successes, trials, 0.99)
    expected = stats.binomtest(successes, trials).proportion_ci(0.99, method="wilson")
    np.testing.assert_allclose([low, high], expected, atol=1e-12)


def test_no_runs_say_nothing() -> None:
    low, high = wilson_interval([0], [0])
    assert (low[0], high[0]) == (0.0, 1.0)


def test_trend_test_keeps_its_level_without_a_trend() -> None:
    rng = np.random.default_rng(0)
    x = np.arange(10)
    p = [trend_test(x, rng.binomial(50, 0.4, 10), np.full(10, 50))[1] for _ in range(2000)]
    assert stats.kstest(p, "uniform").pvalue > 0.001


def test_trend_test_knows_the_direction() -> None:
    assert trend_test([1, 2], [10, 90], [100, 100])[0] > 5
    assert trend_test([1, 2], [90, 10], [100, 100])[0] < -5
    assert trend_test([1, 2], [100, 100], [100, 100]) == (0.0, 0.5)


def test_trend_test_of_two_doses_is_pearsons() -> None:
    z, p = trend_test([3, 7], [20, 31], [50, 60])
    pearson = stats.chi2_contingency([[20, 30], [31, 29]], correction=False)
    assert z == pytest.approx(np.sqrt(pearson.statistic))
    assert 2 * (1 - p) == pytest.approx(pearson.pvalue)


def test_predictive_likelihood_is_a_distribution_and_becomes_binomial() -> None:
    counts = np.arange(21)
    small = np.exp(predictive_log_likelihood(counts / 20, 20, 7, 10))
    assert small.sum() == pytest.approx(1)
    large = np.exp(predictive_log_likelihood(counts / 20, 20, 700_000, 1_000_000))
    np.testing.assert_allclose(large, stats.binom.pmf(counts, 20, 0.7), atol=1e-4)
    assert (small * (counts - 14) ** 2).sum() > (large * (counts - 14) ** 2).sum()


def test_effective_trials_recovers_the_number() -> None:
    rng = np.random.default_rng(1)
    x = np.linspace(5, 60, 56)
    p = 1 / (1 + np.exp((x - 25) / 6))
    inside = 0
    for _ in range(200):
        _, low, high = effective_trials(x, rng.binomial(110, p) / 110, confidence=0.95)
        inside += low <= 110 <= high
    assert inside >= 176


def test_effective_trials_follow_from_the_scatter_about_the_most_likely_polynomial() -> None:
    x = np.linspace(-1, 1, 12)
    frequency = np.random.default_rng(2).binomial(40, special.expit(1 + 2 * x - x**2)) / 40

    def loss(coefficients: np.ndarray) -> float:
        logit = np.polyval(coefficients, x)
        return float(-(frequency * special.log_expit(logit) + (1 - frequency) * special.log_expit(-logit)).sum())

    p = special.expit(np.polyval(optimize.minimize(loss, np.zeros(3)).x, x))
    scatter = ((frequency - p) ** 2 / (p * (1 - p))).sum()
    expected = [9 / scatter, *np.asarray(stats.chi2.ppf([0.05, 0.95], 9)) / scatter]
    # The loss is flat where it is smallest: the coefficients are good to the root of its rounding.
    np.testing.assert_allclose(effective_trials(x, frequency, degree=2, confidence=0.9), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wilson_interval(3, 2), "successes is 3; it must be numbers from 0 to trials"),
        (lambda: wilson_interval(1, -2), "trials is -2; it must be finite numbers of at least 0"),
        (lambda: wilson_interval([1, 2], [3, 4, 5]), r"successes has the shape \(2,\) and trials \(3,\)"),
        (lambda: wilson_interval(1, 2, 1.0), "confidence is 1.0; it must be a finite number above 0 and below 1"),
        (lambda: mean_interval([1.0, np.nan]), r"values is nan at \[1\]"),
        (lambda: mean_interval([]), r"values has the shape \(0,\)"),
        (lambda: trend_test([1, 2], [1], [2]), "must be the same"),
        (lambda: predictive_log_likelihood(1.5, 10, 1, 2), "frequency is 1.5; it must be numbers from 0 to 1"),
        (lambda: predictive_log_likelihood(0.5, 10**400, 1, 2), "effective_runs is 1000"),
        (lambda: effective_trials([1, 2, 3], [0.1, 0.2], degree=1), "frequency has the shape"),
        (lambda: effective_trials([1, 1, 1], [0.1, 0.2, 0.3], degree=1), "x has 1 different values"),
        (lambda: effective_trials([1, 2, 3], [0.0, 1.0, 1.0], degree=1), "else there is no scatter to go by"),
    ],
)
def test_what_is_no_statistic_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_what_no_memory_holds_is_refused() -> None:
    with pytest.raises(MemoryError):
        mean_interval(np.broadcast_to(0.0, 2**59))
