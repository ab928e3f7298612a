"""The arithmetic of `rnnlatch.random.box_muller`: operation by operation that of cpp/lanes/normal.hpp."""

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
UInt32 = NDArray[np.uint32]


def _float32(*hexadecimals: str) -> tuple[np.float32, ...]:
    return tuple(np.float32(float.fromhex(text)) for text in hexadecimals)


# The coefficients: those of the logarithm from the lowest power, the others from the highest.
_LOGARITHM = _float32(
    "-0x1p+1",
    "0x1.fffff2p-1",
    "-0x1.555780p-1",
    "0x1.0007bap-1",
    "-0x1.98bf96p-2",
    "0x1.52d0d4p-2",
    "-0x1.318204p-2",
    "0x1.28985ep-2",
    "-0x1.6eff84p-3",
)
_COSINE = _float32("0x1.c1f066p-11", "-0x1.54f61ap-6", "0x1.03bd06p-2", "-0x1.3bd3a6p+0", "0x1.fffffep-1")
_SINE = _float32("0x1.3e17cap-13", "-0x1.32535ap-8", "0x1.4668f2p-4", "-0x1.4abbc4p-1", "0x1.921fb6p+0")
_SQRT_HALF_BITS = np.int32(0x3F3504F3)
(_TWO_LOG_TWO,) = _float32("0x1.62e430p+0")


def _polynomial(coefficients: tuple[np.float32, ...], x: Float32) -> Float32:
    """Apply Horner's rule, every product and sum rounded."""
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value


def _minus_two_log(word: UInt32) -> Float32:
    """-2 ln u for u = (float(word >> 1) + 0.5) / 2**31."""
    u = (word >> np.uint32(1)).astype(np.float32) + np.float32(0.5)
    integer = u.view(np.int32)
    # u = mantissa * 2**exponent with the mantissa in [sqrt(1/2), sqrt(2)).
    exponent = (integer - _SQRT_HALF_BITS) >> np.int32(23)
    y = (integer - (exponent << np.int32(23))).view(np.float32) - np.float32(1)
    # -2 ln(1 + y) / y by Estrin's scheme, pairs of coefficients at a time: in this order, for these bits.
    c0, c1, c2, c3, c4, c5, c6, c7, c8 = _LOGARITHM
    y2 = y * y
    y4 = y2 * y2
    low = (y * c3 + c2) * y2 + (y * c1 + c0)
    high = (y * c7 + c6) * y2 + (y * c5 + c4)
    logarithm = ((y4 * c8 + high) * y4 + low) * y
    return np.asarray(logarithm + (np.int32(31) - exponent).astype(np.float32) * _TWO_LOG_TWO, dtype=np.float32)


def transform(word_0: UInt32, word_1: UInt32) -> tuple[Float32, Float32]:
    """Make two normal numbers of two words; see `rnnlatch.random.box_muller`."""
    radius = np.sqrt(_minus_two_log(word_0))
    turned = (radius.view(np.uint32) | (word_1 & np.uint32(0x80000000))).view(np.float32)
    v = (word_1 << np.uint32(1)).view(np.int32).astype(np.float32) * np.float32(2.0**-31)
    square = v * v
    cosine = _polynomial(_COSINE, square)  # cos(v pi/2)
    sine = _polynomial(_SINE, square)  # sin(v pi/2) / v
    return turned * cosine, turned * (sine * v)
