"""The verdict on somebody's network: how far back it remembers, why it may not learn, and what to try.

Examples
--------
>>> import rnnlatch as rl
>>> cell = rl.cells.LSTM(inputs=2, hidden=10)
>>> found = rl.diagnose(cell, cell.initial_parameters(0), length=50)
>>> [finding.name for finding in found.findings if finding.severity == "caution"]
['vanishes', 'gates-let-go']
"""

from rnnlatch.diagnose.analysis import diagnose
from rnnlatch.diagnose.diagnosis import Diagnosis, Evidence, Finding

__all__ = ["Diagnosis", "Evidence", "Finding", "diagnose"]
