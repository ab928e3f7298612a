"""The workloads on gradients in rnnlatch: through the public functions, and the compiled core called directly."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

import rnnlatch as rl
from gradient_work import Arrays, GradientWork, Peer, Plan, answer_of, run_fastest

# without its types: what a core exports changes from commit to commit, and commits are compared with each other
core: Any = import_module("rnnlatch._dispatch").core


def cell_of(work: GradientWork) -> Any:
    """The network of a workload."""
    kind = rl.cells.LSTM if work.kind == "lstm" else rl.cells.VanillaRNN
    return kind(inputs=work.inputs, hidden=work.hidden, outputs=work.outputs)


def gradient(work: GradientWork, threads: int) -> list[Peer]:
    """W2, W3 and the LSTM."""
    cell, parameters, (inputs, targets) = cell_of(work), work.parameters(), work.data()
    if work.kind == "networks" and not work.run_first:
        parameters = {name: run_fastest(value) for name, value in parameters.items()}
        inputs, targets = run_fastest(inputs), run_fastest(targets)
    structure = cell.structure("half_squared_error", "last")

    def public() -> Any:
        return rl.gradients.loss_and_gradient(cell, parameters, inputs, targets, threads=threads)

    def direct() -> Any:
        call = core.network_gradient if work.kind == "networks" else core.matrix_gradient
        return call(structure, parameters, inputs, targets, None, None, None, threads)

    def answer(found: Any) -> Arrays:
        return answer_of(*found)

    return [
        Peer("rnnlatch, loss_and_gradient", [Plan("", public, answer)]),
        Peer("rnnlatch, core", [Plan("", direct, lambda found: answer_of(found["loss"], found["gradient"]))]),
    ]


def jacobians(work: GradientWork, threads: int) -> list[Peer]:
    """Norms of the products for every lag."""
    cell, parameters, (inputs, _) = cell_of(work), work.parameters(), work.data()

    def public() -> Any:
        return rl.gradients.jacobian_products(cell, parameters, inputs, norms=work.kind, bounds=False, threads=threads)

    def direct() -> Any:
        structure = cell.structure("half_squared_error", "last")
        return core.jacobian_norms(structure, parameters, inputs, None, work.kind, threads)

    def answer(found: Any) -> Arrays:
        return {work.kind: np.asarray(found[work.kind])}

    return [
        Peer("rnnlatch, jacobian_products", [Plan("", public, answer)]),
        Peer("rnnlatch, core", [Plan("", direct, answer)]),
    ]


def peers(work: GradientWork, threads: int) -> list[Peer]:
    """What this library offers for a workload."""
    return (jacobians if work.kind in ("frobenius", "spectral") else gradient)(work, threads)
