"""The version of the results, and which instruction sets compute the same ones."""

from collections.abc import Iterable

__all__ = ["NUMERICS_VERSION", "arithmetic", "arithmetic_differs"]

NUMERICS_VERSION = 2
"""Rises only when the same settings and seed give other numbers; stores of another version are refused."""

IN_LANES = ("latch", "networks")
FUSED = ("x86-64-v3", "x86-64-v4")


def arithmetic(engine: str, instruction_set: str) -> str:
    """Name the arithmetic of a run: equal names give equal numbers, to the last bit.

    Parameters
    ----------
    engine : str
        What computes the run; `rnnlatch.Run.engine`.
    instruction_set : str
        That of the process; ``_dispatch.instruction_set``.

    Returns
    -------
    str
        In lanes only whether multiplications and additions are fused. Products of matrices, which algorithms in Python
        use as well, sum in an order that depends on the instruction set.

    Examples
    --------
    >>> arithmetic("networks", "x86-64-v3") == arithmetic("networks", "x86-64-v4")
    True
    >>> arithmetic("matrices", "x86-64-v3") == arithmetic("matrices", "x86-64-v4")
    False
    """
    if engine not in IN_LANES:
        return instruction_set
    return "fused" if instruction_set in FUSED or instruction_set.endswith("with FMA") else "not fused"


def arithmetic_differs(engines: Iterable[str], one: str, other: str) -> str | None:
    """Say of which runs two instruction sets give other last bits, as the end of a sentence; None: of none.

    Examples
    --------
    >>> "whose last bits differ" + (arithmetic_differs(["latch", "matrices"], "x86-64-v3", "x86-64-v4") or "")
    'whose last bits differ for runs in matrices'
    >>> arithmetic_differs(["latch"], "x86-64-v3", "x86-64-v4") is None
    True
    """
    words = {"matrices": " for runs in matrices", "python": " for algorithms in Python"}
    found = sorted(engine for engine in set(engines) if arithmetic(engine, one) != arithmetic(engine, other))
    return words.get(found[0], "") if found else None
