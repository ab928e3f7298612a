"""Arrays of numbers as Plotly reads them fastest, and in the least room."""

import base64
from typing import Any

import numpy as np

__all__ = ["packed"]


def packed(value: Any) -> Any:
    """Give a figure with its arrays of numbers as bytes in base 64.

    Examples
    --------
    >>> packed({"x": np.array([1.0, 2.0])})
    {'x': {'dtype': 'f8', 'bdata': 'AAAAAAAA8D8AAAAAAAAAQA=='}}
    """
    if isinstance(value, dict):
        return {name: packed(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [packed(each) for each in value]
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.kind in "iu":
        value = value.astype(np.int32 if np.abs(value).max(initial=0) < 2**31 else np.float64)
    if value.dtype.kind not in "if" or not value.size:
        return value.tolist()
    little = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
    found = {
        "dtype": f"{little.dtype.kind}{little.dtype.itemsize}",
        "bdata": base64.b64encode(little.tobytes()).decode(),
    }
    return found if value.ndim == 1 else found | {"shape": ", ".join(map(str, value.shape))}
