"""The workload `lyapunov` of `bench_dynamics.py`: all exponents of a driven network, the engine beside NumPy and SciPy.

One tanh network of 100 units, weights from N(0, 1.5^2 / 100), 5 inputs from N(0, 1/4) through weights from N(0, 1): chaotic
where it is not driven, and here a little so. All 100 exponents (or the first 10) over 10,000 steps, from the same orthonormal
vectors. The unit is the step.

The peers multiply by the Jacobian without forming it, keep all arrays, and take whichever QR is the fastest: NumPy's,
SciPy's, or the two functions of LAPACK in place. A step's J Q has a condition of 4e4 in the median and up to 1e8: with QR at
every second step only, the last exponents lose half of their digits, and with every fourth all of them. So "every 2nd step" is a
row of its own. The last row is what the engine does, in SciPy: an elimination with exchanges of rows in place of QR, and one
QR at the end.

``python bench/dynamics_lyapunov.py`` runs it alone.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.linalg import lapack, lu, qr

import rnnlatch as rl
from dynamics_work import Answer, Contestant, Workload
from rnnlatch._dispatch import core
from workloads import FloatArray, median, timed

UNITS = 100
INPUTS = 5
STEPS = 10_000
FEW = 10  # exponents

Step = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


def network() -> dict[str, FloatArray]:
    """Its parameters."""
    rng = np.random.default_rng(0)
    return {
        "weight_hh_l0": rng.normal(0, 1.5 / np.sqrt(UNITS), (UNITS, UNITS)),
        "weight_ih_l0": rng.normal(size=(UNITS, INPUTS)),
    }


def drive(steps: int) -> FloatArray:
    """The inputs (time, inputs)."""
    return np.random.default_rng(1).normal(0, 0.5, (steps, INPUTS))


def vectors(exponents: int) -> FloatArray:
    """What the engine begins with: orthonormal columns."""
    drawn = np.random.default_rng(np.random.SeedSequence(0)).standard_normal((UNITS, UNITS))
    return np.ascontiguousarray(np.linalg.qr(drawn[:, :exponents])[0])


# ---- the engine ----------------------------------------------------------------------------------------------------


def engine(steps: int, exponents: int, threads: int) -> Answer:
    """The public function, with the standard errors of 20 batches."""
    cell = rl.cells.VanillaRNN(inputs=INPUTS, hidden=UNITS, bias=False)
    found = rl.dynamics.lyapunov_spectrum(
        cell, network(), drive(steps), transient=0, exponents=exponents, record=None, threads=threads
    )
    return {"exponents": found["lyapunov_exponent"].values}


def engine_core(steps: int, exponents: int, threads: int) -> Answer:
    """The core alone."""
    structure = rl.cells.VanillaRNN(inputs=INPUTS, hidden=UNITS, bias=False).structure()
    found = core.lyapunov(
        structure, network(), drive(steps)[None], None, vectors(exponents), 0, steps, np.array([steps]), threads
    )
    return {"exponents": np.sort(found["log_growth"][0, 0] / steps)[::-1]}


# ---- NumPy and SciPy -----------------------------------------------------------------------------------------------


def by_numpy(a: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Q and the diagonal of R."""
    q, r = np.linalg.qr(a)
    return q, np.diagonal(r)


def by_scipy(a: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The same."""
    q, r = qr(a, mode="economic", overwrite_a=True, check_finite=False)
    return np.asarray(q, np.float64), np.diagonal(r)


def by_lapack(a: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The same, with blocks of 32 columns and in place."""
    work = 32 * a.shape[1]
    packed, tau, _, _ = lapack.dgeqrf(a, lwork=work, overwrite_a=True)
    diagonal = np.diagonal(packed).copy()
    q, _, _ = lapack.dorgqr(packed, tau, lwork=work, overwrite_a=True)
    return q, diagonal


def by_elimination(a: FloatArray) -> tuple[FloatArray, FloatArray]:
    """L with its rows where they were, and the diagonal of U: what the engine does between its QR decompositions."""
    lower, upper = lu(a, permute_l=True, overwrite_a=True, check_finite=False)
    return lower, np.diagonal(upper)


def by_elimination_in_lapack(a: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The same, with what SciPy adds left out."""
    packed, pivots, _ = lapack.dgetrf(a, overwrite_a=True)
    diagonal = np.diagonal(packed).copy()
    rows = list(range(len(a)))
    for j, pivot in enumerate(pivots.tolist()):
        rows[j], rows[pivot] = rows[pivot], rows[j]
    lower = np.tril(packed, -1)
    np.fill_diagonal(lower, 1.0)
    found = np.empty_like(lower)
    found[rows] = lower
    return found, diagonal


def numpy(steps: int, exponents: int, every: int, split: Step, order: str = "F") -> Answer:
    """Exponents by a QR decomposition, or something like it, at every so many steps."""
    parameters = network()
    w, given = parameters["weight_hh_l0"], drive(steps) @ parameters["weight_ih_l0"].T
    h, q = np.zeros(UNITS), vectors(exponents)
    total = np.zeros(exponents)
    product = np.empty((UNITS, exponents), order=order)  # type: ignore[call-overload]
    for t in range(steps):
        h = np.tanh(w @ h + given[t])
        np.matmul(w, q, out=product)
        np.multiply(product, (1 - h * h)[:, None], out=product)
        if (t + 1) % every == 0 or t + 1 == steps:
            q, diagonal = split(product)
            total += np.log(np.abs(diagonal))
        else:
            q = product.copy(order="K")
    total += np.log(np.abs(np.diagonal(np.linalg.qr(q)[1])))
    return {"exponents": np.sort(total / steps)[::-1]}


# ---- the workload --------------------------------------------------------------------------------------------------


def lyapunov(steps: int, threads: int, exponents: int = UNITS) -> Workload:
    """Exponents of one network over so many steps; one sequence is one thread's work."""

    def plans(every: int) -> dict[str, Callable[[], Answer]]:
        kinds: dict[str, tuple[Step, str]] = {
            "numpy.linalg.qr": (by_numpy, "C"),
            "scipy.linalg.qr": (by_scipy, "F"),
            "dgeqrf and dorgqr": (by_lapack, "F"),
        }
        return {name: partial(numpy, steps, exponents, every, split, order) for name, (split, order) in kinds.items()}

    elimination: dict[str, Callable[[], Answer]] = {
        "scipy.linalg.lu": partial(numpy, steps, exponents, 1, by_elimination, "F"),
        "dgetrf": partial(numpy, steps, exponents, 1, by_elimination_in_lapack, "F"),
    }
    return Workload(
        unit="steps/s",
        units=float(steps),
        contestants=[
            Contestant("rnnlatch", {"lyapunov_spectrum": partial(engine, steps, exponents, threads)}),
            Contestant("rnnlatch, the core", {"core.lyapunov": partial(engine_core, steps, exponents, threads)}),
            Contestant("NumPy, QR every step", plans(1)),
            Contestant("NumPy, QR every 2nd step", plans(2)),
            Contestant("SciPy, elimination every step", elimination),
        ],
        # relative to the largest exponent; every step: 1e-11
        tolerances={"exponents": 1e-6},
        notes={"flops": float(steps) * (UNITS * exponents**2 + 2 * exponents**2 * (UNITS - exponents / 3))},
    )


def first_exponents(steps: int, threads: int) -> Workload:
    """The first ten."""
    return lyapunov(steps, threads, FEW)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Lyapunov exponents of a network: the engine beside NumPy and SciPy.")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        print("OPENBLAS_NUM_THREADS is not 1: the peers may use several threads")
    for name, count in (("all exponents", UNITS), (f"the first {FEW}", FEW)):
        work = lyapunov(options.steps, 1, count)
        print(f"\n{name}, {options.steps} steps")
        expected = None
        ours = 0.0
        for contestant in work.contestants:
            for plan, run in contestant.plans.items():
                found = run()["exponents"]
                expected = found if expected is None else expected
                off = float(np.abs(found - expected).max() / np.abs(expected).max())
                seconds = median([timed(run).processor for _ in range(options.repeats)])
                ours = ours or seconds
                print(
                    f"  {contestant.name:30} {plan:20} {seconds:7.3f} s {1e6 * seconds / options.steps:7.1f} us/step"
                    f"  x {seconds / ours:5.2f}  off by {off:.0e}"
                )


if __name__ == "__main__":
    main()
