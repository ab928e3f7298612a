"""Numbers in words: three digits, powers of ten where it takes them, beyond the range of floating point too."""

import math

__all__ = ["count", "fold", "number", "percent", "steps"]


def number(value: float) -> str:
    """Give a number with three digits.

    Examples
    --------
    >>> number(0.98765), number(12_345.6), number(1.5e-7), number(float("inf"))
    ('0.988', '12,300', '1.5e-7', 'infinite')
    """
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "infinite" if value > 0 else "minus infinite"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        digits = 2 - math.floor(math.log10(abs(value)))
        rounded = round(value, digits)
        return f"{rounded:,.0f}" if digits <= 0 else f"{rounded:,.{digits}f}".rstrip("0").rstrip(".")
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def fold(logarithm: float) -> str:
    """Give e to the power of a number, which may be out of range.

    Examples
    --------
    >>> fold(0.0), fold(math.log(250)), fold(-5000.0), fold(-math.inf)
    ('1', '250', '3.37e-2172', '0')
    """
    if math.isinf(logarithm) or math.isnan(logarithm):
        return "0" if logarithm == -math.inf else number(logarithm)
    decades = logarithm / math.log(10)
    if abs(decades) < 300:
        return number(math.exp(logarithm))
    exponent = math.floor(decades)
    mantissa = f"{10 ** (decades - exponent):.2f}".rstrip("0").rstrip(".")
    return f"1e{exponent + 1}" if mantissa == "10" else f"{mantissa}e{exponent}"


def percent(share: float) -> str:
    """Give a share in per cent.

    Examples
    --------
    >>> percent(0.5), percent(0.9996), percent(1.0), percent(0.0004)
    ('50 %', 'more than 99.9 %', '100 %', 'less than 0.1 %')
    """
    if 0 < share < 0.001:
        return "less than 0.1 %"
    if 0.999 < share < 1:
        return "more than 99.9 %"
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def count(amount: int, what: str, many: str | None = None) -> str:
    """Give a number of things.

    Examples
    --------
    >>> count(1, "step"), count(1200, "step")
    ('1 step', '1,200 steps')
    """
    return f"{amount:,} {what if amount == 1 else many or what + 's'}"


def steps(amount: float) -> str:
    """Give a number of steps, which need not be whole.

    Examples
    --------
    >>> steps(1), steps(12.25)
    ('1 step', '12.2 steps')
    """
    return "1 step" if amount == 1 else f"{number(amount)} steps"
