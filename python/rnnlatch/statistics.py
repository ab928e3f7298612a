"""The few statistics that the claims are decided with: intervals, a trend test, a predictive likelihood."""

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, chdtri, expit, gammaln, ndtr, ndtri, stdtrit

from rnnlatch._arrays import check_finite, floats
from rnnlatch.outcomes import NOT_RUN, Outcome
from rnnlatch.validation import fail, integer, number, show

__all__ = [
    "effective_trials",
    "mean_interval",
    "predictive_log_likelihood",
    "success_rate",
    "trend_test",
    "wilson_interval",
]


def _line(name: str, values: ArrayLike, at_least: int) -> NDArray[np.float64]:
    """Check finite numbers in one dimension."""
    allowed = f"an array of one dimension with at least {at_least} numbers"
    array = floats(name, values, allowed, np.dtype(np.float64))
    if array.ndim != 1 or array.size < at_least:
        raise ValueError(f"{name} has the shape {array.shape}; it must be {allowed}")
    check_finite(name, array)
    # Memory is asked for: NumPy would sum a number that is repeated 2**59 times without being in memory, and hear no Ctrl-C.
    return np.array(array)


def _fractions(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Check frequencies."""
    array = floats(name, values, "numbers from 0 to 1", np.dtype(np.float64))
    if not ((array >= 0) & (array <= 1)).all():
        raise fail(name, values, "numbers from 0 to 1")
    return array


def _counts(successes: ArrayLike, trials: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Check how many there were of how many."""
    of_how_many = floats("trials", trials, "finite numbers of at least 0", np.dtype(np.float64))
    check_finite("trials", of_how_many)
    if (of_how_many < 0).any():
        raise fail("trials", trials, "finite numbers of at least 0")
    allowed = "numbers from 0 to trials, of a shape that goes with it"
    how_many = floats("successes", successes, allowed, np.dtype(np.float64))
    try:
        inside = (how_many >= 0) & (how_many <= of_how_many)
    except ValueError:
        raise ValueError(
            f"successes has the shape {how_many.shape} and trials {of_how_many.shape}; successes must be {allowed}"
        ) from None
    if not inside.all():
        raise fail("successes", successes, allowed)
    return how_many, of_how_many


def wilson_interval(
    successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Wilson score interval of a frequency.

    Parameters
    ----------
    successes, trials : array-like of int, broadcastable
        How many runs of how many; where `trials` is 0 the interval is (0, 1).
    confidence : float in (0, 1), default 0.95
        Two-sided level.

    Returns
    -------
    low, high : ndarray of float64
        Bounds of the frequency, within [0, 1].

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.

    Examples
    --------
    >>> low, high = wilson_interval(9, 18)
    >>> round(float(low), 3), round(float(high), 3)
    (0.29, 0.71)
    """
    k, n = np.broadcast_arrays(*_counts(successes, trials))
    z2 = float(ndtri(0.5 + number("confidence", confidence, above=0, below=1) / 2)) ** 2
    safe = np.maximum(n, 1.0)
    p = k / safe
    centre = (p + z2 / (2 * safe)) / (1 + z2 / safe)
    half = np.sqrt(z2 * (p * (1 - p) / safe + z2 / (4 * safe**2))) / (1 + z2 / safe)
    low = np.where(n > 0, np.clip(centre - half, 0, 1), 0.0)
    high = np.where(n > 0, np.clip(centre + half, 0, 1), 1.0)
    return low, high


def success_rate(dataset: xr.Dataset, outcome: Outcome = Outcome.CONVERGED, confidence: float = 0.95) -> xr.Dataset:
    """Return how often runs ended in one way, with Wilson's interval, at each grid point of a sweep.

    Parameters
    ----------
    dataset : Dataset
        As from `rnnlatch.sweep` or `rnnlatch.train`, with ``outcome`` over ``run`` and perhaps axes. Runs that have not been
        done are not counted.
    outcome : Outcome
        How.
    confidence : float in (0, 1), default 0.95
        Two-sided level of the interval.

    Returns
    -------
    Dataset
        Over the axes: ``rate``, NaN where there are no runs; ``low`` and ``high``, the interval; ``runs``, how many there are.

    Examples
    --------
    >>> import xarray as xr
    >>> ds = xr.Dataset({"outcome": (("length", "run"), [[1, 1, 0, 1], [0, 1, 255, 255]])}, {"length": [5, 40]})
    >>> found = success_rate(ds)
    >>> found.rate.values.tolist(), found.runs.values.tolist()
    ([0.75, 0.5], [4, 2])
    """
    if "outcome" not in getattr(dataset, "data_vars", ()) or "run" not in dataset["outcome"].dims:
        raise ValueError(f"dataset is {show(dataset)}; it must have the variable outcome over the runs")
    outcomes = dataset["outcome"]
    runs, successes = (outcomes != NOT_RUN).sum("run"), (outcomes == outcome).sum("run")
    low, high = wilson_interval(successes.values, runs.values, confidence)
    named = Outcome(outcome).name.lower().replace("_", " ")
    words = {
        "rate": f"fraction of runs that ended {named}",
        "low": f"lower bound of the fraction of runs that ended {named}",
        "high": f"upper bound of the fraction of runs that ended {named}",
    }
    found = xr.Dataset({"rate": successes / runs.where(runs > 0)})
    found = found.assign(low=(runs.dims, low), high=(runs.dims, high), runs=runs)
    for name, long_name in words.items():
        found[name].attrs = {"long_name": long_name, "units": "1"}
    found["runs"].attrs = {"long_name": "finished runs", "units": "runs"}
    found.attrs = {"confidence": confidence} | dict(dataset.attrs)
    return found


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Return Student's interval of a mean.

    Parameters
    ----------
    values : array-like of float, one dimension
        What was measured, at least once; of a difference between two settings, the difference of each pair of runs.
    confidence : float in (0, 1), default 0.95
        Two-sided level.

    Returns
    -------
    low, high : float
        Bounds of the mean; infinite where there is one value.

    References
    ----------
    Student, "The probable error of a mean", Biometrika 6, 1908.

    Examples
    --------
    >>> low, high = mean_interval([1.0, 2.0, 3.0])
    >>> round(low, 3), round(high, 3)
    (-0.484, 4.484)
    """
    level = 0.5 + number("confidence", confidence, above=0, below=1) / 2
    given = _line("values", values, 1)
    if given.size < 2:
        return -np.inf, np.inf
    half = float(stdtrit(given.size - 1, level)) * given.std(ddof=1) / np.sqrt(given.size)
    return float(given.mean() - half), float(given.mean() + half)


def trend_test(x: ArrayLike, successes: ArrayLike, trials: ArrayLike) -> tuple[float, float]:
    """Test whether a frequency changes along `x` (Cochran-Armitage).

    Parameters
    ----------
    x : array-like of float, shape (n,)
        The dose: sequence length, initial weight.
    successes, trials : array-like of int, shape (n,)
        How many runs converged at each `x`, of how many.

    Returns
    -------
    z : float
        Standardised statistic: negative where the frequency falls with `x`; 0 if all or no runs succeeded, or there are none.
    p_falling : float
        One-sided probability of a `z` at least as low without any trend.

    Examples
    --------
    >>> z, p = trend_test([5, 20, 60], [100, 80, 5], [100, 100, 100])
    >>> z < -10 and p < 1e-20
    True
    """
    dose = _line("x", x, 1)
    k, n = _counts(successes, trials)
    if not dose.shape == k.shape == n.shape:
        raise ValueError(
            f"x, successes and trials have the shapes {dose.shape}, {k.shape} and {n.shape}; they must be the same"
        )
    if not n.any():
        return 0.0, 0.5
    pooled = k.sum() / n.sum()
    mean_dose = (n * dose).sum() / n.sum()
    variance = pooled * (1 - pooled) * (n * (dose - mean_dose) ** 2).sum()
    if variance <= 0:
        return 0.0, 0.5
    z = float((dose * (k - n * pooled)).sum() / np.sqrt(variance))
    return z, float(ndtr(z))


def predictive_log_likelihood(
    frequency: ArrayLike, effective_runs: float, successes: ArrayLike, trials: ArrayLike
) -> NDArray[np.float64]:
    """Return how probable a printed frequency is, given how many of our runs succeeded.

    The unknown probability is integrated out under Jeffreys' prior, so that a printed count follows a beta-binomial law: an
    over-dispersed binomial whose extra variance is the uncertainty that our own finite number of runs leaves.

    Parameters
    ----------
    frequency : array-like of float in [0, 1]
        What the paper's figure shows.
    effective_runs : float > 0
        How many runs stand behind each printed frequency.
    successes, trials : array-like of int
        Our runs under the same conditions.

    Returns
    -------
    ndarray of float64, broadcast shape
        Natural logarithm of the probability of each printed frequency.

    Examples
    --------
    >>> near, far = predictive_log_likelihood(0.8, 110, [80, 5], [100, 100])
    >>> bool(near > far)
    True
    """
    effective_runs = number("effective_runs", effective_runs, above=0)
    printed = effective_runs * _fractions("frequency", frequency)
    k, n = _counts(successes, trials)
    a, b = k + 0.5, n - k + 0.5
    choose = gammaln(effective_runs + 1) - gammaln(printed + 1) - gammaln(effective_runs - printed + 1)
    return np.asarray(choose + betaln(printed + a, effective_runs - printed + b) - betaln(a, b))


def effective_trials(
    x: ArrayLike, frequency: ArrayLike, *, degree: int = 3, confidence: float = 0.99
) -> tuple[float, float, float]:
    """Estimate from their scatter how many trials stand behind frequencies whose counts were not printed.

    A logistic polynomial in `x` is fitted; the squared residuals then tell the binomial variance p (1 - p) / n.

    Parameters
    ----------
    x, frequency : array-like of float, shape (m,)
        The printed frequencies and where they stand.
    degree : int from 0 to 20
        Of the polynomial; m must be larger than degree + 1, and `x` must have more than `degree` values that differ.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    estimate, low, high : float
        n and its interval, from a chi-squared law with m - degree - 1 degrees of freedom.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = np.arange(200.0)
    >>> frequency = rng.binomial(50, 1 / (1 + np.exp((x - 100) / 30))) / 50
    >>> estimate, low, high = effective_trials(x, frequency)
    >>> bool(low < 50 < high)
    True
    """
    degree = integer("degree", degree, at_least=0, at_most=20)
    confidence = number("confidence", confidence, above=0, below=1)
    dose = _line("x", x, degree + 2)
    observed = _fractions("frequency", frequency)
    if observed.shape != dose.shape:
        raise ValueError(f"frequency has the shape {observed.shape}; it must be that of x, {dose.shape}")
    places, needed = np.unique(dose).size, max(2, degree + 1)
    if places < needed:
        raise ValueError(f"x has {places} different values; a polynomial of degree {degree} needs {needed}")
    if np.isin(observed, (0, 1)).all():
        raise fail("frequency", frequency, "strictly between 0 and 1 somewhere: else there is no scatter to go by")
    basis = np.polynomial.chebyshev.chebvander(2 * (dose - dose.min()) / np.ptp(dose) - 1, degree)

    # Newton's method from p = 1/2; the likelihood is concave and has a single maximum.
    coefficients = np.zeros(degree + 1)
    for _ in range(50):
        fitted = expit(basis @ coefficients)
        curvature = basis.T @ (basis * (fitted * (1 - fitted))[:, None])
        try:
            step = np.linalg.solve(curvature, basis.T @ (observed - fitted))
        except np.linalg.LinAlgError:
            raise fail("frequency", frequency, "such that a logistic polynomial can be fitted") from None
        coefficients += step
        if np.abs(step).max() < 1e-10:
            break
    fitted = expit(basis @ coefficients)
    scatter = float(((observed - fitted) ** 2 / (fitted * (1 - fitted))).sum())
    if not 0 < scatter < np.inf:
        raise fail("frequency", frequency, "scattered about a logistic polynomial")
    freedom = dose.size - degree - 1
    low, high = chdtri(freedom, [0.5 + confidence / 2, 0.5 - confidence / 2]) / scatter
    return freedom / scatter, float(low), float(high)
