"""What every contestant of `run_all.py` looks like, whatever it computes: ways of doing a workload, made in its own process.

The contests of the single benchmarks each have a form of their own for their contestants; here is what turns each into a `Way`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from workloads import LatchSweep


@dataclass(frozen=True)
class Way:
    """One way of doing a workload: of those with a peer's name the fastest counts.

    Attributes
    ----------
    peer, plan : str
        Row of the table, and what is special about this way.
    run : callable
        Works for about so many counts; gives the units that it has done.
    check : callable
        Takes what `answer` of the workload's reference gave, or None if there is none; says how well they agree, or raises an
        AssertionError.
    least : int
        Counts that are a multiple of this.
    expert : bool
        The engine's own method ported by hand: shown, but no library that one would use.
    slow_start : bool
        Compiling takes so long that a quick run leaves it out.
    """

    peer: str
    plan: str
    run: Callable[[int], float]
    check: Callable[[Any], str]
    least: int = 1
    expert: bool = False
    slow_start: bool = False


def within(off: float, tolerance: float) -> str:
    """How well two answers agree."""
    if not off <= tolerance:
        raise AssertionError(f"it is off by {off:.1e}; {tolerance:.1e} is allowed")
    return f"within {off:.0e}" if off else "the same"


def module_of(prefix: str, library: str) -> Any:
    """The module with a library's contestants."""
    return import_module(f"{prefix}_{'torch' if library == 'PyTorch' else library.lower()}")


# ---- W1 ------------------------------------------------------------------------------------------------------------

SHOWN = 300  # presentations of 20 steps before the trained weights are compared
SAME = 1e-4  # p below which two distributions count as different; there are some ten such tests


def _latch_runs(library: str, work: LatchSweep, threads: int) -> Iterator[tuple[str, str, Any, bool, bool]]:
    """Peer, plan, function of the workload, whether it is an expert's port, whether it starts slowly."""
    if library == "rnnlatch":
        made = import_module("contestants")
        yield "rnnlatch, rl.train", "", made.train_with_rnnlatch(threads), False, False
        yield "rnnlatch, core", "", made.train_with_core(threads), False, False
    elif library == "NumPy":
        numpy = import_module("peer_numpy")
        for normals in numpy.NORMALS:
            peer = numpy.NumpyPeer(threads, normals)
            label = "standard_normal" if normals == "ziggurat" else "float32 Box-Muller"

            def chosen(work: LatchSweep, peer: Any = peer, plan: Any = None) -> Any:
                peer.plan = plan
                return peer.run(work)

            for plan in peer.plans(work.runs):
                name = f"{plan.backward}, chunk {plan.chunk}, {plan.workers}"
                yield f"NumPy, {label}", name, partial(chosen, plan=plan), False, False
    elif library == "Numba":
        plain, kernel = import_module("latch_numba"), import_module("peer_numba")
        yield "Numba, run by run", "prange", partial(plain.run, threads=threads), False, False
        if kernel.AVAILABLE:
            lanes = kernel.LANES
            if work.runs % lanes == 0:
                yield "Numba, lanes and an own tanh", "", kernel.NumbaPeer(threads).run, True, True
    elif library == "JAX":
        jax = import_module("latch_jax")
        for normals in jax.NORMALS:
            for unroll in jax.UNROLL:
                run = partial(jax.run, normals=normals, unroll=unroll)
                yield f"JAX, jit, {normals} normals", f"unroll {unroll}", run, False, False
    else:
        torch = import_module("latch_torch")
        for normals in torch.NORMALS:
            yield f"PyTorch, {normals} normals", "", torch.TorchPeer(threads, normals, False).run, False, False
            run = torch.TorchPeer(threads, normals, True).run
            yield f"PyTorch, torch.compile, {normals} normals", "", run, False, True


def _weights(run: Any, work: LatchSweep) -> Any:
    shown = max(10, SHOWN * 20 // work.length)
    found = run(replace(work, presentations=shown))
    return np.asarray(found["weight"] if hasattr(found, "data_vars") or isinstance(found, dict) else found)


def latch(library: str, work: LatchSweep, threads: int) -> list[Way]:
    """W1: the weights that are trained have the same distribution as the engine's."""
    from scipy.stats import ks_2samp

    few = replace(work, runs=min(work.runs, 4096))

    def check(run: Any, expected: Any) -> str:
        if expected is None:
            return "not compared"
        p = float(ks_2samp(_weights(run, few), expected).pvalue)
        if p < SAME:
            raise AssertionError(f"its weights have another distribution: p = {p:.1e}")
        return f"same distribution (p = {p:.2g})"

    def units(run: Any, presentations: int) -> float:
        run(replace(work, presentations=presentations))
        return float(work.runs * presentations * work.length)

    found, checked = [], dict[str, str]()
    for peer, plan, run, expert, slow in _latch_runs(library, work, threads):

        def once(expected: Any, peer: str = peer, run: Any = run) -> str:
            if peer not in checked:  # the plans of a peer differ in how runs are cut into chunks
                checked[peer] = check(run, expected)
            return checked[peer]

        # what the engine does besides presentations counts as often as the workload says
        least = work.presentations if library == "rnnlatch" else 1
        found.append(Way(peer, plan, partial(units, run), once, least, expert, slow))
    return found


def latch_answer(library: str, work: LatchSweep) -> Any:
    """Trained weights."""
    runs = next(_latch_runs(library, work, 1))
    return _weights(runs[2], replace(work, runs=min(work.runs, 4096)))


# ---- W2, W3, the LSTM, products of Jacobians -----------------------------------------------------------------------


def gradients(library: str, work: Any, threads: int) -> list[Way]:
    """Loss and gradient, or norms."""
    from contest import difference

    def units(run: Any, calls: int) -> float:
        for _ in range(calls):
            run()
        return float(work.units * calls)

    def check(plan: Any, expected: Any) -> str:
        found = plan.answer(plan.run())
        return "not compared" if expected is None else within(difference(found, expected), work.tolerance)

    return [
        Way(
            peer.name,
            plan.name,
            partial(units, plan.run),
            partial(check, plan),
            expert=peer.expert,
            slow_start="compile" in peer.name or (work.kind == "networks" and library == "Numba" and peer.expert),
        )
        for peer in module_of("gradients", library).peers(work, threads)
        for plan in peer.plans
    ]


def gradients_answer(library: str, work: Any) -> Any:
    """What the first plan of a library gives."""
    plan = module_of("gradients", library).peers(work, 1)[0].plans[0]
    return plan.answer(plan.run())


# ---- W4 and guessing -----------------------------------------------------------------------------------------------


def searches(library: str, work: Any, threads: int) -> list[Way]:
    """Annealing and guessing: the cost of an annealer's last point is what NumPy says."""
    from search_work import cost

    def units(each: Any, count: int) -> float:
        return float(each.run(count).count)

    def check(each: Any, expected: Any) -> str:
        result = each.run(each.few)
        if result.point is None:
            return "not compared"
        right = cost(work, result.point)
        return within(abs(result.cost - right) / right, 1e-9)

    return [
        Way(
            each.name,
            "",
            partial(units, each),
            partial(check, each),
            each.few,
            each.expert,
        )
        for each in module_of("searches", library).contestants(work, threads)
    ]


# ---- training in minibatches ---------------------------------------------------------------------------------------


def training(prefix: str, library: str, work: Any, threads: int) -> list[Way]:
    """Updates: after a few, on the same sequences, all have the same parameters."""
    from minibatch_contest import CHECKED, difference

    def units(run: Any, updates: int) -> float:
        run(updates)
        return float(updates)

    def check(plan: Any, expected: Any) -> str:
        if expected is None:
            return "not compared"
        return within(difference(work, plan.answer(*work.sequences(CHECKED)), expected), work.tolerance)

    return [
        Way(
            plan.peer,
            plan.name,
            partial(units, plan.run),
            partial(check, plan),
            plan.together,
            slow_start="compile" in plan.peer,
        )
        for plan in module_of(prefix, library).plans(work, threads)
    ]


def training_answer(prefix: str, library: str, work: Any) -> Any:
    """Parameters after some updates, by the first plan."""
    from minibatch_contest import CHECKED

    return module_of(prefix, library).plans(work, 1)[0].answer(*work.sequences(CHECKED))


# ---- dynamics ------------------------------------------------------------------------------------------------------


def dynamics(library: str, work: tuple[str, int], threads: int) -> list[Way]:
    """Maps and exponents; `work` is a name of `bench_dynamics` and a side."""
    from bench_dynamics import WORKS, check

    whole = WORKS[work[0]](work[1], threads)

    def units(run: Any, calls: int) -> float:
        for _ in range(calls):
            run()
        return whole.units * calls

    def checked(name: str, run: Any, expected: Any) -> str:
        if expected is None:
            return "not compared"
        check(name, run(), expected, whole.tolerances)
        limits = {key: limit for key, limit in whole.tolerances.items() if limit}
        return "within " + ", ".join(f"{limit:.0e} ({key})" for key, limit in limits.items()) if limits else "the same"

    return [
        Way(each.name, plan, partial(units, run), partial(checked, each.name, run))
        for each in whole.contestants
        if (library == "rnnlatch") == each.name.startswith("rnnlatch")
        for plan, run in each.plans.items()
    ]


def dynamics_answer(library: str, work: tuple[str, int]) -> Any:
    """What the engine gives."""
    from bench_dynamics import WORKS

    return next(iter(WORKS[work[0]](work[1], 1).contestants[0].plans.values()))()


WAYS: dict[str, Callable[[str, Any, int], list[Way]]] = {
    "latch": latch,
    "gradients": gradients,
    "searches": searches,
    "minibatch": partial(training, "minibatch"),
    "characters": partial(training, "characters"),
    "dynamics": dynamics,
}
ANSWERS: dict[str, Callable[[str, Any], Any]] = {
    "latch": latch_answer,
    "gradients": gradients_answer,
    "minibatch": partial(training_answer, "minibatch"),
    "characters": partial(training_answer, "characters"),
    "dynamics": dynamics_answer,
}
