"""The summary for a terminal."""

import math
import textwrap
from typing import TYPE_CHECKING

from rnnlatch import validation
from rnnlatch.diagnose.wording import number, steps

if TYPE_CHECKING:
    from rnnlatch.diagnose.diagnosis import Diagnosis, Evidence

__all__ = ["headline", "shown", "summary"]

_MARKS = {"problem": "PROBLEM", "caution": "caution", "note": "note"}
_INDENT = 9
_MOST = 4  # pieces of evidence in a line; all are on the page and in the JSON


def summary(diagnosis: "Diagnosis", width: int) -> str:
    """Give the findings as lines of at most `width` characters."""
    width = validation.integer("width", width, at_least=40)
    attrs = diagnosis.data.attrs

    def wrapped(text: str, first: str = "", rest: str = "") -> str:
        return textwrap.fill(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)

    blocks = [
        "\n".join(
            [
                wrapped(f"{diagnosis.name}: {attrs['cell']}"),
                wrapped(f"on {attrs['sequences']}", "  ", "  "),
                wrapped(f"error that is followed back: {attrs['error']}", "  ", "  "),
                "",
                wrapped(headline(diagnosis)),
            ]
        )
    ]
    inner = " " * (_INDENT + 2)
    for finding in diagnosis.findings:
        lines = [wrapped(finding.sentence, f"  {_MARKS[finding.severity]:{_INDENT}}", inner)]
        if finding.evidence:
            told = "; ".join(map(shown, finding.evidence[:_MOST]))
            lines.append(wrapped(told, f"{inner}- ", f"{inner}  "))
        if finding.advice:
            lines.append(wrapped(finding.advice, f"{inner}> ", f"{inner}  "))
        blocks.append("\n".join(lines))
    if attrs["left_out"]:
        blocks.append(wrapped(f"Left out, for time: {attrs['left_out']}."))
    return "\n\n".join(blocks)


def headline(diagnosis: "Diagnosis") -> str:
    """Count the findings, and say how far an error reaches back."""
    counts = {severity: sum(f.severity == severity for f in diagnosis.findings) for severity in _MARKS}
    parts = [f"{counts[word]} {word}{'' if counts[word] == 1 else 's'}" for word in counts]
    said = f"{parts[0]}, {parts[1]} and {parts[2]}"
    horizon = float(diagnosis.data["horizon"][-1]) if "horizon" in diagnosis.data else math.nan
    if math.isnan(horizon):
        return said
    far = f"more than {steps(diagnosis.data.attrs['steps'])}" if math.isinf(horizon) else steps(horizon)
    return f"{said}; 1 % of an error reaches back {far}"


def shown(evidence: "Evidence") -> str:
    """Give a piece of evidence in words."""
    value = steps(evidence.value) if evidence.units == "steps" else number(evidence.value)
    return f"{evidence.words}: {value}"
