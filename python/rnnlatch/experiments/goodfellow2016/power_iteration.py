"""Section 10.7: a linear recurrent network is a power iteration, h_t = W^t h_0.

With W = Q diag(lambda) Q^T the component of h_0 along each eigenvector is multiplied by its eigenvalue at each step: it dies
or blows up as lambda^t, and beside the leading one all others are lost. The gradient is the same matrix: the singular values
of dh_t/dh_0 are |lambda|^t.
"""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import gradients, plotting
from rnnlatch.cells import VanillaRNN
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName
from rnnlatch.experiments.claims import Claim
from rnnlatch.experiments.goodfellow2016 import PAPER
from rnnlatch.experiments.results import collect, quantity
from rnnlatch.simulation import simulate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["EXPERIMENT", "rounding"]

EIGENVALUES = (1.05, 1.0, 0.95, -0.8, 0.5)
TIED = (1.05, -1.05, 0.95, -0.8, 0.5)
STEPS = 300
SMALLEST, LARGEST = 0.05, 1.1  # moduli of the random spectra

# Random networks, their units, and how far their spectra are followed.
ENSEMBLE: dict[ScaleName, tuple[int, int, int]] = {
    "quick": (5, 20, 200),
    "paper": (50, 50, 500),
    "large": (100, 100, 2000),
}

SOURCE = "Goodfellow et al. 2016, section 10.7"


def analyse(material: Material) -> xr.Dataset:
    """Run two small networks whose spectra are given, and random ones.

    Returns
    -------
    Dataset
        Over (network, eigenvector, step): ``component`` of the state. Over (network, step): ``off_leading``, the sine of the
        angle between the state and the leading eigenvector. Over ``eigenvector``: ``recovered``, the component of h_0 that
        the last state of the first network gives back when it is divided by lambda^T. Over ``trial``: ``component_error``,
        the largest difference between a component and lambda^t times its start, in units of what rounding explains, and
        ``spectrum_error``, the largest difference between log10 of a singular value of dh_T/dh_0 and T log10 |lambda|;
        ``spectrum_low`` and ``spectrum_high``, the ends of that spectrum.
    """
    rng = np.random.default_rng([material.seed, 0])
    units = len(EIGENVALUES)
    spectra = np.array([EIGENVALUES, TIED])
    start = np.full(units, units**-0.5)
    basis = _orthogonal(rng, units)
    component = np.stack([_components(basis, spectrum, start, STEPS) for spectrum in spectra])
    size = np.sqrt((component**2).sum(1))
    off_leading = np.sqrt((component[:, 1:] ** 2).sum(1)) / size

    trials, hidden, steps = ENSEMBLE[material.scale]
    found = np.empty((4, trials))
    for trial in range(trials):
        modulus = -np.sort(-rng.uniform(SMALLEST, LARGEST, hidden))
        spectrum = modulus * rng.choice([-1.0, 1.0], hidden)
        basis = _orthogonal(rng, hidden)
        begin = rng.standard_normal(hidden)
        run = _components(basis, spectrum, begin, STEPS)
        exact = spectrum[:, None] ** np.arange(STEPS + 1) * begin[:, None]
        error = np.abs(run - exact) / rounding(hidden, np.sqrt((exact**2).sum(0)))
        spectrum_log = _log_spectrum(basis, spectrum, steps, material.threads)
        found[:, trial] = (
            error.max(),
            np.abs(spectrum_log - steps * np.log10(np.abs(spectrum))).max(),
            spectrum_log.min(),
            spectrum_log.max(),
        )
    ensemble = ("component_error", "spectrum_error", "spectrum_low", "spectrum_high")
    words = (
        "largest error of a component, in units of rounding",
        "largest error of log10 of a singular value of dh_T/dh_0",
        "log10 of the smallest singular value of dh_T/dh_0",
        "log10 of the largest singular value of dh_T/dh_0",
    )
    data = {name: quantity("trial", row, text) for name, text, row in zip(ensemble, words, found, strict=True)}
    data |= {
        "component": quantity(("network", "eigenvector", "step"), component, "component of the state"),
        "eigenvalue": quantity(("network", "eigenvector"), spectra, "eigenvalue"),
        "off_leading": quantity(("network", "step"), off_leading, "sine of the angle to the leading eigenvector"),
        "recovered": quantity(
            "eigenvector",
            component[0, :, -1] / spectra[0] ** STEPS / start,
            "component of h_0 computed back from the last state, over the true one",
        ),
    }
    coords = {
        "network": quantity("network", ["one leading", "two leading"], "which of the two networks"),
        "eigenvector": quantity("eigenvector", np.arange(units), "number of the eigenvector"),
        "step": quantity("step", np.arange(STEPS + 1), "time step t", "steps"),
        "trial": quantity("trial", np.arange(trials), "random network"),
    }
    return collect(material, f"{__name__}.analyse", data, coords, hidden=hidden, spectrum_steps=steps)


def rounding(hidden: int, size: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far components may be from lambda^t times their start for no other reason than rounding.

    Parameters
    ----------
    hidden : int
        Units.
    size : ndarray of float, shape (time,)
        The exact norm of the state at each step, t = 0 first.

    Returns
    -------
    ndarray of float, shape (time,)
        Each step adds an error of at most about N eps times the norms of W and of the state, and errors grow with the largest
        eigenvalue as the state's leading component does.

    Examples
    --------
    >>> bool(rounding(10, np.ones(3))[2] < 1e-13)
    True
    """
    growth = max(1.0, LARGEST) ** np.arange(size.size)
    return np.asarray(4 * hidden * np.finfo(np.float64).eps * growth * np.cumsum(size / growth))


def _orthogonal(rng: np.random.Generator, units: int) -> NDArray[np.float64]:
    """Draw an orthogonal matrix from the uniform law."""
    q, r = np.linalg.qr(rng.standard_normal((units, units)))
    return np.asarray(q * np.sign(np.diag(r)))


def _network(
    basis: NDArray[np.float64], spectrum: NDArray[np.float64], start: NDArray[np.float64]
) -> tuple[VanillaRNN, dict[str, NDArray[np.float64]]]:
    """Give the network h_t = W h_{t-1} + h_0 u_t, which a first input of 1 sets to h_0."""
    cell = VanillaRNN(inputs=1, hidden=len(spectrum), activation="linear", bias=False)
    return cell, {"weight_ih_l0": (basis @ start)[:, None], "weight_hh_l0": (basis * spectrum) @ basis.T}


def _components(
    basis: NDArray[np.float64], spectrum: NDArray[np.float64], start: NDArray[np.float64], steps: int
) -> NDArray[np.float64]:
    """Run the network from a state with the components `start`; give its components, (eigenvector, step)."""
    push = np.zeros((1, steps + 1, 1))
    push[0, 0] = 1.0
    return np.asarray((simulate(*_network(basis, spectrum, start), push)[0] @ basis).T)


def _log_spectrum(
    basis: NDArray[np.float64], spectrum: NDArray[np.float64], steps: int, threads: int | None
) -> NDArray[np.float64]:
    """Give log10 of the singular values of dh_T/dh_0, the largest first."""
    cell, params = _network(basis, spectrum, np.zeros(len(spectrum)))
    found = gradients.singular_spectrum(cell, params, np.zeros((1, steps, 1)), lags=[steps], threads=threads)
    return np.asarray(found["log_singular_value"].values.ravel() / np.log(10))


def plot(data: xr.Dataset) -> "Figure":
    """Draw the components over time, the angle to the leading direction, and what comes back of h_0."""
    step = data["step"].values
    with plotting.style():
        figure = plotting.new_figure(10.2, 3.4)
        components, angle, recovered = figure.subplots(1, 3)
        first = data.isel(network=0)
        start = abs(first["component"].isel(step=0))
        for number, value in enumerate(first["eigenvalue"].values):
            part = np.abs(first["component"].isel(eigenvector=number).values)
            components.plot(step, part, color=f"C{number}", label=f"{value:g}".replace("-", "−"))
            components.plot(
                step, abs(value) ** step * float(start[number]), color=f"C{number}", linestyle=":", linewidth=1
            )
        components.set_yscale("log")
        components.set_ylim(1e-18, 1e8)
        components.set_ylabel("|component of h_t|")
        components.set_title("a  along each eigenvector (dotted: λ^t)")
        components.legend(title="eigenvalue", title_fontsize=7.5, loc="upper left", ncols=3, columnspacing=1)

        for color, dash, name, label in (
            ("C0", "-", "one leading", "λ = 1.05, 1, …"),
            ("C1", "--", "two leading", "λ = 1.05, −1.05, …"),
        ):
            angle.plot(step, data["off_leading"].sel(network=name).values, color=color, linestyle=dash, label=label)
        ratio = abs(EIGENVALUES[1] / EIGENVALUES[0])
        # The line would hide under the data.
        angle.plot(step[::25], ratio ** step[::25], "x", color="black", markersize=4.5, zorder=3, label="(λ2/λ1)^t")
        angle.set_yscale("log")
        angle.set_ylim(top=2)
        angle.set_ylabel("sine of the angle to the leading eigenvector")
        angle.set_title("b  all but one direction is lost")
        angle.legend(loc="lower left")

        values = [f"{value:g}".replace("-", "−") for value in first["eigenvalue"].values]
        recovered.axhline(1, color="0.5", linewidth=0.8, linestyle=":")
        recovered.plot(values, abs(data["recovered"].values), "o", color="C0")
        recovered.set_yscale("log")
        recovered.set_yticks([10.0**power for power in range(0, 101, 20)])
        recovered.set_ylim(1e-5, 1e100)
        recovered.set_xlabel("eigenvalue")
        recovered.set_ylabel("|component of h_0 from h_300| / true one")
        recovered.set_title("c  what comes back of h_0")
        for ax in (components, angle):
            ax.set_xlabel("time step t")
    return figure


def claims(data: xr.Dataset) -> list[Claim]:
    """Test the section's statements about W = Q diag(lambda) Q^T."""
    error = float(data["component_error"].max())
    spectrum = float(data["spectrum_error"].max())
    one, two = (data["off_leading"].sel(network=name) for name in ("one leading", "two leading"))
    decay = float(np.exp(np.polyfit(data["step"].values[50:], np.log(np.maximum(one.values[50:], 1e-300)), 1)[0]))
    ratio = abs(EIGENVALUES[1] / EIGENVALUES[0])
    worst = float(abs(data["recovered"] - 1).max())
    return [
        Claim(
            statement="The component of the state along each eigenvector dies or blows up as lambda^t, and in no other way.",
            source=SOURCE,
            measured={
                "largest error, in units of rounding": error,
                "networks": data.sizes["trial"],
                "units": int(data.attrs["hidden"]),
                "steps": STEPS,
            },
            held=error <= 1,
            expected=True,
            reason=f"Random symmetric matrices with eigenvalues of modulus {SMALLEST} to {LARGEST} and either sign.",
        ),
        Claim(
            statement="The gradient goes the same way: the singular values of dh_T/dh_0 are |lambda|^T (to 10^-6 in log10).",
            source=SOURCE,
            measured={
                "largest error of log10": spectrum,
                "log10 of the singular values": [float(data["spectrum_low"].min()), float(data["spectrum_high"].max())],
                "T": int(data.attrs["spectrum_steps"]),
            },
            held=spectrum <= 1e-6,
            expected=True,
            reason="W^T is the Jacobian product. Its spectrum is computed on a logarithmic scale: most of these numbers are "
            "too small for floating point.",
        ),
        Claim(
            statement="All of the state that is not along the leading eigenvector is lost: its share falls as (λ2/λ1)^t.",
            source=SOURCE,
            measured={
                "share after 300 steps": float(one[-1]),
                "decay per step": decay,
                "λ2/λ1": ratio,
            },
            held=float(one[-1]) < 1e-3 and abs(decay / ratio - 1) < 1e-3,
            expected=True,
            reason="The leading component grows by 1.05 a step, the next one not at all.",
        ),
        Claim(
            statement="Whatever the spectrum, a single direction is left in the end (less than a thousandth beside it).",
            source=f"{SOURCE}, read literally",
            measured={"share beside it after 300 steps, for 1.05 and -1.05": float(two[-1])},
            held=float(two[-1]) < 1e-3,
            expected=False,
            reason="Where eigenvalues tie in modulus their directions stay together: a pair ±λ, a complex pair, or all of an "
            "orthogonal matrix.",
        ),
        Claim(
            statement="What is lost is only small: dividing the components of h_300 by lambda^300 gives h_0 back (to one part in "
            "a hundred).",
            source="our control",
            measured={"largest relative error": worst},
            held=worst < 0.01,
            expected=False,
            reason="The weak components have sunk below the rounding errors of the strong one. In 53 bits they are gone.",
        ),
    ]


EXPERIMENT = Experiment(
    name="goodfellow2016-power-iteration",
    paper=PAPER,
    figure="section 10.7",
    title="A linear recurrent network is a power iteration",
    shows="how the components of a state and of its gradient die or blow up as powers of the eigenvalues, until one is left",
    scales={
        "quick": Scale("5 random networks of 20 units, 200 steps", "about 2 s"),
        "paper": Scale("50 random networks of 50 units, 500 steps", "about 5 s"),
        "large": Scale("100 random networks of 100 units, 2,000 steps", "about 3 min"),
    },
    analyse=analyse,
    plot=plot,
    claims=claims,
)
