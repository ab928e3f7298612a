"""The version of the results, and which instruction sets compute the same ones."""

__all__ = ["NUMERICS_VERSION", "arithmetic"]

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
