"""The experiments: named figures of papers, run, drawn, and put to a test.

To add one, write a module that ends in ``EXPERIMENT = Experiment(...)`` and name it in `_HOMES`.

Examples
--------
>>> from rnnlatch import experiments
>>> experiments.names()[:2]
('bengio1994-density', 'bengio1994-length')
>>> experiments.get("bengio1994-density").figure
'Fig. 2a'
"""

import importlib
from typing import cast

from rnnlatch.experiments.base import SCALES, Experiment, Material, Scale, SweepPlan
from rnnlatch.experiments.claims import Claim, read_claims, write_claims
from rnnlatch.experiments.deviation_table import Deviation, deviations

__all__ = [
    "SCALES",
    "Claim",
    "Deviation",
    "Experiment",
    "Material",
    "Scale",
    "SweepPlan",
    "deviations",
    "get",
    "names",
    "read_claims",
    "write_claims",
]

_HOMES = {
    "bengio1994-density": "bengio1994.density",
    "bengio1994-length": "bengio1994.length",
    "bengio1994-gradient-decay": "bengio1994.gradient_decay",
    "bengio1994-subsystems": "bengio1994.subsystems",
    "bengio1994-attractors": "bengio1994.attractors",
    "bengio1994-robustness": "bengio1994.robustness",
    "bengio1994-comparison": "bengio1994.comparison",
    "schmidhuber2001-guessing": "schmidhuber2001.guessing",
    "pascanu2013-conditions": "pascanu2013.conditions",
    "pascanu2013-bifurcation": "pascanu2013.bifurcation",
    "pascanu2013-basins": "pascanu2013.basins",
    "pascanu2013-error-surface": "pascanu2013.error_surface",
    "pascanu2013-temporal-order": "pascanu2013.temporal_order",
    "pascanu2013-pathological": "pascanu2013.pathological",
    "pascanu2013-clipping": "pascanu2013.clipping",
    "pascanu2013-music": "pascanu2013.music",
    "pascanu2013-characters": "pascanu2013.characters",
    "sussillo2013-flip-flop": "sussillo2013.flip_flop",
    "goodfellow2016-power-iteration": "goodfellow2016.power_iteration",
    "goodfellow2016-weight-product": "goodfellow2016.weight_product",
    "goodfellow2016-agreement": "goodfellow2016.agreement",
    "short-spans": "goodfellow2016.short_spans",
    "lstm-memory": "own.lstm_memory",
    "unit-weight": "own.unit_weight",
    "trade-off": "own.trade_off",
    "memory-architectures": "own.memory_architectures",
}


def names() -> tuple[str, ...]:
    """Return the names of all experiments, in the order of the list.

    Examples
    --------
    >>> "trade-off" in names()
    True
    """
    return tuple(_HOMES)


def get(name: str) -> Experiment:
    """Return the experiment of that name.

    Raises
    ------
    ValueError
        If there is none; the message lists those that there are.

    Examples
    --------
    >>> get("trade-off").title
    'Not both: noise withstood, and gradient left'
    """
    if name not in _HOMES:
        raise ValueError(f"experiment must be one of {', '.join(_HOMES)}; got {name!r}")
    module = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    return cast(Experiment, module.EXPERIMENT)
