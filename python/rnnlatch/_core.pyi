"""The compiled core of rnnlatch: functions on flat arrays and nothing else."""

# Written by cmake/stubs.py from the signatures in C++.

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

def all_finite(x: ArrayLike) -> bool:
    """Whether a float64 or float32 array of any shape and strides has neither NaN nor infinity."""

def build_info() -> dict[str, Any]:
    """How this module was compiled: isa, compiler, flags, eigen_version, lanes_per_register (doubles), fma, assertions."""

def cell_partials(
    structure: Mapping[str, int | str],
    parameters: Mapping[str, NDArray[np.float64]],
    inputs: NDArray[np.float64],
    initial: NDArray[np.float64] | None,
    threads: int,
    lengths: NDArray[np.int64] | None = None,
) -> dict[str, NDArray[np.float64]]: ...
def draws(
    kind: Literal["normal", "uniform"],
    key: NDArray[np.uint32],
    streams: NDArray[np.uint64],
    purpose: int,
    presentation: int,
    count: int,
) -> NDArray[np.float64]: ...
def error_surface(
    structure: Mapping[str, int | str],
    parameters: Mapping[str, NDArray[np.float64]],
    first: Mapping[str, NDArray[np.float64]],
    second: Mapping[str, NDArray[np.float64]],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    inputs: NDArray[np.float64],
    targets: NDArray[Any],
    mask: NDArray[np.float64] | None,
    lengths: NDArray[np.int64] | None,
    initial: Mapping[str, NDArray[np.float64]] | None,
    order: Literal[1, 2],
    threads: int,
    same_step: NDArray[np.uint8] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Losses of one network at parameters + x first + y second, and their derivatives by x and y."""

def evaluate(
    structure: Mapping[str, int | str],
    columns: Mapping[str, NDArray[np.float64]],
    key: NDArray[np.uint32],
    streams: NDArray[np.uint64],
    threads: int,
    weight: NDArray[np.float64],
    input: NDArray[np.float64],
) -> dict[str, NDArray[np.float64]]: ...
def evaluate_minibatches(
    structure: Mapping[str, int | str],
    columns: Mapping[str, NDArray[np.float64]],
    key: NDArray[np.uint32],
    stream: int,
    parameters: Mapping[str, NDArray[Any]],
    first: int,
    count: int,
    arrays: Mapping[str, NDArray[Any]],
    threads: int,
    cancelled: NDArray[np.uint8],
) -> dict[str, Any]: ...
def evaluate_networks(
    structure: Mapping[str, int | str],
    columns: Mapping[str, NDArray[np.float64]],
    key: NDArray[np.uint32],
    streams: NDArray[np.uint64],
    parameters: Mapping[str, NDArray[np.float64]],
    presentations: int,
    arrays: Mapping[str, NDArray[Any]],
    threads: int = 1,
) -> dict[str, NDArray[np.float64]]: ...
def exp(x: ArrayLike) -> NDArray[Any]:
    """exp(x) of a float array of any shape."""

def jacobian_norms(
    structure: Mapping[str, int | str],
    parameters: Mapping[str, NDArray[np.float64]],
    inputs: NDArray[np.float64],
    initial: NDArray[np.float64] | None,
    norms: str,
    threads: int,
    lengths: NDArray[np.int64] | None = None,
    seed: NDArray[np.float64] | None = None,
) -> dict[str, NDArray[np.float64]]: ...
def logistic(x: ArrayLike) -> NDArray[Any]:
    """1 / (1 + exp(-x)) of a float array of any shape."""

def lyapunov(
    structure: Mapping[str, int | str],
    parameters: Mapping[str, NDArray[np.float64]],
    inputs: NDArray[np.float64],
    initial: NDArray[np.float64] | None,
    basis: NDArray[np.float64],
    transient: int,
    steps: int,
    records: NDArray[np.int64],
    threads: int,
) -> dict[str, NDArray[Any]]: ...
def lyapunov_of_jacobians(
    jacobians: NDArray[np.float64],
    basis: NDArray[np.float64],
    records: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
def matrix_forward(
    structure: Mapping[str, int | str],
    parameters: Mapping[str, NDArray[Any]],
    inputs: NDArray[Any],
    lengths: NDArray[np.int64] | None = None,
    initial: Mapping[str, NDArray[Any]] | None = None,
    threads: int = 1,
) -> dict[str, NDArray[Any]]: ...
def matrix_gradient(
    structure: Mapping[str, int | str],
    parameters: Mapping[str, NDArray[Any]],
    inputs: NDArray[Any],
    targets: NDArray[Any],
    mask: NDArray[Any] | None = None,
    lengths: NDArray[np.int64] | None = None,
    initial: Mapping[str, NDArray[Any]] | None = None,
    threads: int = 1,
    truncate: int = 0,
    keep: bool = False,
) -> dict[str, Any]: ...
def network_curvature(
    structure: Mapping[str, int | str],
    parameters: Mapping[str, NDArray[Any]],
    inputs: NDArray[Any],
    targets: NDArray[Any],
    mask: NDArray[Any] | None,
    lengths: NDArray[np.int64] | None,
    initial: Mapping[str, NDArray[Any]] | None,
    threads: int,
    second_order: bool,
    by_step: bool = True,
    same_step: NDArray[np.uint8] | None = None,
) -> dict[str, dict[str, NDArray[Any]]]:
    """Diagonal second derivatives of many networks by the recursion of Becker and LeCun, and gradients."""

def network_forward(
    structure: Mapping[str, int | str],
    parameters: Mapping[str, NDArray[Any]],
    inputs: NDArray[Any],
    lengths: NDArray[np.int64] | None,
    initial: Mapping[str, NDArray[Any]] | None,
    threads: int,
    same_step: NDArray[np.uint8] | None = None,
) -> dict[str, NDArray[Any]]:
    """States (run, batch, time, hidden) of many networks, and the outputs of their readout."""

def network_gradient(
    structure: Mapping[str, int | str],
    parameters: Mapping[str, NDArray[Any]],
    inputs: NDArray[Any],
    targets: NDArray[Any],
    mask: NDArray[Any] | None,
    lengths: NDArray[np.int64] | None,
    initial: Mapping[str, NDArray[Any]] | None,
    threads: int,
    same_step: NDArray[np.uint8] | None = None,
) -> dict[str, Any]:
    """Losses of many networks, and their gradients by back-propagation through time."""

def network_hessian_vector(
    structure: Mapping[str, int | str],
    parameters: Mapping[str, NDArray[Any]],
    directions: Mapping[str, NDArray[Any]],
    inputs: NDArray[Any],
    targets: NDArray[Any],
    mask: NDArray[Any] | None,
    lengths: NDArray[np.int64] | None,
    initial: Mapping[str, NDArray[Any]] | None,
    threads: int,
    same_step: NDArray[np.uint8] | None = None,
) -> dict[str, dict[str, NDArray[Any]]]:
    """Gradients of many networks, and their exact derivatives in directions: products of Hessian and vector."""

def network_rtrl(
    structure: Mapping[str, int | str],
    parameters: Mapping[str, NDArray[Any]],
    inputs: NDArray[Any],
    targets: NDArray[Any],
    mask: NDArray[Any] | None,
    lengths: NDArray[np.int64] | None,
    initial: Mapping[str, NDArray[Any]] | None,
    threads: int,
    same_step: NDArray[np.uint8] | None = None,
) -> dict[str, Any]:
    """Losses and gradients of many networks by real-time recurrent learning; `influences`: the numbers carried."""

def philox4x32(counter: NDArray[np.uint32], key: NDArray[np.uint32], rounds: int = 10) -> NDArray[np.uint32]: ...
def reach_points(
    structure: Mapping[str, int | str],
    parameters: Mapping[str, NDArray[np.float64]],
    inputs: NDArray[np.float64],
    starts: NDArray[np.float64],
    points: NDArray[np.float64],
    tolerance: float,
    max_steps: int,
    threads: int,
    same_step: NDArray[np.uint8] | None = None,
) -> dict[str, NDArray[Any]]:
    """Which point each trajectory comes within the tolerance of first, and after how many steps."""

def sample_task(
    structure: Mapping[str, int | str],
    columns: Mapping[str, NDArray[np.float64]],
    key: NDArray[np.uint32],
    stream: int,
    count: int,
    test: bool,
    arrays: Mapping[str, NDArray[Any]],
    first: int = 0,
) -> dict[str, NDArray[Any]]: ...
def settle(
    structure: Mapping[str, int | str],
    parameters: Mapping[str, NDArray[np.float64]],
    inputs: NDArray[np.float64],
    starts: NDArray[np.float64],
    tolerance: float,
    max_period: int,
    max_steps: int,
    threads: int,
    same_step: NDArray[np.uint8] | None = None,
) -> dict[str, NDArray[Any]]:
    """Whether each trajectory comes back to where it was, with which period, and after how many steps."""

def simulate_latch(weight: NDArray[np.float64], drive: NDArray[np.float64]) -> NDArray[np.float64]: ...
def singular_spectrum(
    structure: Mapping[str, int | str],
    parameters: Mapping[str, NDArray[np.float64]],
    inputs: NDArray[np.float64],
    initial: NDArray[np.float64] | None,
    lags: NDArray[np.int64],
    threads: int,
    lengths: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]: ...
def tanh(x: ArrayLike) -> NDArray[Any]:
    """tanh(x) of a float64 or float32 array of any shape, as the engine computes it."""

def tanh_derivative(x: ArrayLike) -> NDArray[Any]:
    """1 - tanh(x)**2 of a float array of pre-activations of any shape, without cancellation."""

def train(
    structure: Mapping[str, int | str],
    columns: Mapping[str, NDArray[np.float64]],
    key: NDArray[np.uint32],
    streams: NDArray[np.uint64],
    threads: int = 1,
    block_lanes: int = 64,
    progress: Callable[[int], Any] | None = None,
    initial: NDArray[np.float64] | None = None,
) -> dict[str, NDArray[Any]]: ...
def train_minibatches(
    structure: Mapping[str, int | str],
    settings: Mapping[str, float],
    columns: Mapping[str, NDArray[np.float64]],
    key: NDArray[np.uint32],
    stream: int,
    parameters: Mapping[str, NDArray[Any]],
    optimiser: Mapping[str, NDArray[Any]],
    trainable: Mapping[str, NDArray[np.uint8]],
    arrays: Mapping[str, NDArray[Any]],
    seen: int,
    rates: NDArray[np.float64],
    threads: int,
    cancelled: NDArray[np.uint8],
) -> dict[str, Any]: ...
def train_networks(
    structure: Mapping[str, int | str],
    columns: Mapping[str, NDArray[np.float64]],
    key: NDArray[np.uint32],
    streams: NDArray[np.uint64],
    parameters: Mapping[str, NDArray[np.float64]],
    trainable: Mapping[str, NDArray[np.uint8]],
    arrays: Mapping[str, NDArray[Any]],
    threads: int = 1,
    progress: Callable[[int], Any] | None = None,
) -> dict[str, Any]: ...
