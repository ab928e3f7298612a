"""The checks that all parameters go through.

Each takes the name of a parameter and the value that was given, and returns the value as the plain Python type that it
stands for, so that equal settings are equal as objects, as text and as JSON. What is not allowed raises one sentence
that names the parameter, the value and what is allowed: TypeError for a wrong kind, ValueError for a wrong value.
"""

import math
import numbers
import re
import reprlib
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "brief",
    "choice",
    "extremes",
    "fail",
    "flag",
    "float_type",
    "instance",
    "integer",
    "number",
    "show",
    "shown_name",
]

T = TypeVar("T")

_PLAIN = frozenset({bool, int, float, str})
_FLOATS = (np.dtype(np.float64), np.dtype(np.float32))
_LONGEST_NAME = 80
_LONGEST_REASON = 160


def show(value: object) -> str:
    """Give a value as it appears in a message: its repr in one line, shortened where it is long."""
    try:
        text = reprlib.repr(_scalar(value))
    except ValueError:  # Python refuses to write integers of thousands of digits, alone or in a list
        return "an integer of thousands of digits"
    return re.sub(r"\n\s*", " ", text)


def extremes(array: NDArray[Any]) -> tuple[Any, Any]:
    """Give the smallest and the largest number of an array.

    What is repeated in it without being in memory again is looked at once: NumPy goes through all of it, and Ctrl-C does
    not end that.

    Examples
    --------
    >>> extremes(np.broadcast_to(np.arange(3), (2**50, 3)))
    (np.int64(0), np.int64(2))
    """
    once = array[tuple(slice(None, 1 if stride == 0 else None) for stride in array.strides)]
    return once.min(), once.max()


def shown_name(name: object) -> str:
    """Give a name out of a file or a dict as it appears in a message: as it is where that is short and printable.

    Examples
    --------
    >>> shown_name("encoder.rnn.weight_ih_l0")
    'encoder.rnn.weight_ih_l0'
    >>> shown_name("a" * 1000)
    "'aaaaaaaaaaaa...aaaaaaaaaaaaa'"
    """
    return name if isinstance(name, str) and len(name) <= _LONGEST_NAME and name.isprintable() and name else show(name)


def brief(error: BaseException) -> str:
    """Give what an error of another library says, in one line, shortened where it is long."""
    text = " ".join(str(error).split())
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + "…"


def fail(name: str, value: object, allowed: str) -> ValueError:
    """Make the error for a value outside its range."""
    return ValueError(f"{name} is {show(value)}; it must be {allowed}")


def number(
    name: str,
    value: object,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
) -> float:
    """Check a finite real number.

    Parameters
    ----------
    name : str
        The parameter, for the message.
    value : object
        What was given: a Python or NumPy integer or float; booleans and text are refused.
    at_least, above, at_most, below : float, optional
        The range allowed.

    Returns
    -------
    float
        The value; a negative zero comes back as zero.

    Raises
    ------
    TypeError
        If the value is not a real number.
    ValueError
        If it is NaN, infinite or outside the range.

    Examples
    --------
    >>> number("learning_rate", 1, above=0)
    1.0
    >>> number("momentum", 1.5, at_least=0, below=1)
    Traceback (most recent call last):
    ValueError: momentum is 1.5; it must be a finite number of at least 0 and below 1
    """
    plain = _scalar(value)
    if type(plain) is float and math.isfinite(plain) and not _outside(plain, at_least, above, at_most, below):
        return plain + 0.0
    allowed = "a finite number" + _range(at_least, above, at_most, below)
    if isinstance(plain, bool) or not isinstance(plain, numbers.Real):
        raise TypeError(_wrong_type(name, plain, allowed))
    try:
        result = float(plain)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result) or _outside(result, at_least, above, at_most, below):
        raise fail(name, plain, allowed)
    return result + 0.0


def integer(name: str, value: object, *, at_least: int | None = None, at_most: int | None = None) -> int:
    """Check an integer.

    Parameters
    ----------
    name : str
        The parameter, for the message.
    value : object
        What was given: a Python or NumPy integer; booleans and floats are refused, 20.0 too.
    at_least, at_most : int, optional
        The range allowed.

    Returns
    -------
    int
        The value.

    Raises
    ------
    TypeError
        If the value is not an integer.
    ValueError
        If it is outside the range.

    Examples
    --------
    >>> integer("length", 20, at_least=1)
    20
    >>> integer("length", 0, at_least=1)
    Traceback (most recent call last):
    ValueError: length is 0; it must be an integer of at least 1
    """
    plain = _scalar(value)
    if type(plain) is int and not _outside(plain, at_least, None, at_most, None):
        return plain
    allowed = "an integer" + _range(at_least, None, at_most, None)
    if isinstance(plain, bool) or not isinstance(plain, numbers.Integral):
        raise TypeError(_wrong_type(name, plain, allowed))
    result = int(plain)
    if _outside(result, at_least, None, at_most, None):
        raise fail(name, result, allowed)
    return result


def flag(name: str, value: object) -> bool:
    """Check a boolean; 0 and 1 are refused."""
    plain = _scalar(value)
    if not isinstance(plain, bool):
        raise TypeError(_wrong_type(name, plain, "True or False"))
    return plain


def choice(name: str, value: object, allowed: Sequence[str]) -> str:
    """Check that a value is one of a few words."""
    if type(value) is str and value in allowed:
        return value
    words = " or ".join(repr(word) for word in allowed)
    plain = _scalar(value)
    if not isinstance(plain, str):
        raise TypeError(_wrong_type(name, plain, words))
    if plain not in allowed:
        raise fail(name, plain, words)
    return str(plain)


def float_type(name: str, value: object) -> np.dtype[Any]:
    """Check the type of an array of floats: float64 or float32, in whatever form NumPy takes it.

    Parameters
    ----------
    name : str
        The parameter, for the message.
    value : object
        What was given: a dtype, a class, a text.

    Returns
    -------
    dtype
        float64 or float32.

    Raises
    ------
    TypeError, ValueError
        If it is another type, or none.

    Examples
    --------
    >>> float_type("dtype", "float32")
    dtype('float32')
    >>> float_type("dtype", "half")
    Traceback (most recent call last):
    ValueError: dtype is float16; it must be float64 or float32
    """
    allowed = "float64 or float32"
    if value is None:  # for NumPy None is float64
        raise TypeError(_wrong_type(name, value, allowed))
    given: Any = value
    try:
        kind: np.dtype[Any] = np.dtype(given)
    except Exception as error:  # NumPy raises nearly anything here, SyntaxError among it
        if isinstance(value, str):
            raise fail(name, value, allowed) from None
        raise TypeError(_wrong_type(name, value, allowed)) from error
    if kind not in _FLOATS:
        raise ValueError(f"{name} is {shown_name(str(kind))}; it must be {allowed}")
    return kind


def instance(name: str, value: object, kind: type[T] | tuple[type[T], ...], allowed: str) -> T:
    """Check that a value is of a class, or of one of several; `allowed` says in words which."""
    if not isinstance(value, kind):
        raise TypeError(_wrong_type(name, value, allowed))
    return value


def _scalar(value: Any) -> Any:
    """Turn a NumPy scalar, or an array without axes, into the Python value."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, np.generic) or (getattr(value, "ndim", None) == 0 and hasattr(value, "item")):
        return value.item()
    return value


def _wrong_type(name: str, value: object, allowed: str) -> str:
    if value is None:
        return f"{name} is None; it must be {allowed}"
    return f"{name} is {show(value)} ({type(value).__name__}); it must be {allowed}"


def _range(at_least: float | None, above: float | None, at_most: float | None, below: float | None) -> str:
    if at_least is not None and at_most is not None:
        return f" from {at_least} to {at_most}"
    bounds = (("of at least", at_least), ("above", above), ("of at most", at_most), ("below", below))
    parts = [f"{words} {bound}" for words, bound in bounds if bound is not None]
    return " " + " and ".join(parts) if parts else ""


def _outside(
    value: float, at_least: float | None, above: float | None, at_most: float | None, below: float | None
) -> bool:
    return (
        (at_least is not None and value < at_least)
        or (above is not None and value <= above)
        or (at_most is not None and value > at_most)
        or (below is not None and value >= below)
    )
