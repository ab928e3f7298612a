"""Texts of pictures as HTML: of TeX what labels use, as letters, raised and lowered."""

import html
import re

__all__ = ["as_html", "as_text", "brief"]

_SYMBOLS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "phi": "φ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ",
    "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
    "partial": "∂", "nabla": "∇", "Vert": "‖", "|": "‖", "vert": "|", "times": "×", "cdot": "·", "pm": "±", "mp": "∓",
    "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "neq": "≠", "ne": "≠", "approx": "≈", "sim": "∼", "propto": "∝",
    "infty": "∞", "to": "→", "rightarrow": "→", "leftarrow": "←", "in": "∈", "sum": "∑", "prod": "∏", "sqrt": "√",
    "ell": "ℓ", "ldots": "…", "dots": "…", "log": "log", "ln": "ln", "exp": "exp", "tanh": "tanh", "max": "max",
    "min": "min", "quad": " ", "{": "{", "}": "}", "$": "$", "%": "%", "_": "_", "#": "#", "&": "&amp;",
    ",": "\u2009", ";": "\u2009", ":": "\u2009", "!": "", " ": " ", "left": "", "right": "",
}  # fmt: skip
_FONTS = (
    "mathdefault",
    "mathrm",
    "mathit",
    "mathregular",
    "mathbf",
    "mathsf",
    "mathtt",
    "mathcal",
    "text",
    "operatorname",
)
_TOKEN = re.compile(r"\\([A-Za-z]+|.)|([{}^_])|(\s+)|(.)", re.DOTALL)
_RAISED = {"^": "sup", "_": "sub"}
_FORMULA = re.compile(r"(?<!\\)\$(.+?)(?<!\\)\$", re.DOTALL)
_HIGH = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")


def as_html(text: str, newline: str = "<br>") -> str:
    r"""Give a text of matplotlib as HTML.

    Parameters
    ----------
    text : str
        With formulas between dollars, and line breaks.
    newline : str
        What stands for a line break.

    Raises
    ------
    ValueError
        If a formula has a command that is not known.

    Examples
    --------
    >>> as_html(r"state $h_{0}$ < $10^{-3}$")
    'state h<sub>0</sub> &lt; 10<sup>−3</sup>'
    """
    parts = []
    end = 0
    for found in _FORMULA.finditer(text):
        parts += [_plain(text[end : found.start()]), _formula(found[1])]
        end = found.end()
    parts.append(_plain(text[end:]))
    return "".join(parts).replace("\n", newline)


def as_text(text: str) -> str:
    r"""Give a text of matplotlib as plain text, for who hears it.

    Examples
    --------
    >>> as_text(r"$10^{-3}$ of $h_{0}$")
    '10⁻³ of h_0'
    """
    marked = as_html(text, " ")
    marked = re.sub("<sup>(.*?)</sup>", lambda found: _raised(found[1]), marked)
    return html.unescape(re.sub("<sub>(.*?)</sub>", r"_\1", marked))


def brief(text: str, most: int = 60) -> str:
    """Give the beginning of a long text."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _raised(text: str) -> str:
    high = text.translate(_HIGH)
    return high if not re.search(r"[0-9A-Za-mo-z]", high) else f"^{text}"


def _plain(text: str) -> str:
    return html.escape(text.replace(r"\$", "$"), quote=False)


def _formula(source: str) -> str:
    """Read a formula from left to right; after ^ and _ comes a group in braces, or one sign."""
    tokens = [found.groups() for found in _TOKEN.finditer(source)]
    text, rest = _group(tokens, 0, source)
    if rest != len(tokens):
        raise ValueError(f"the formula {source!r} closes a brace that it does not open")
    return text


def _group(tokens: list[tuple[str | None, ...]], at: int, source: str) -> tuple[str, int]:
    parts: list[str] = []
    while at < len(tokens) and tokens[at][1] != "}":
        text, at = _one(tokens, at, source)
        parts.append(text)
    return "".join(parts), at


def _one(tokens: list[tuple[str | None, ...]], at: int, source: str) -> tuple[str, int]:
    if at >= len(tokens):
        raise ValueError(f"the formula {source!r} ends too early")
    command, mark, space, sign = tokens[at]
    if mark == "{":
        text, at = _group(tokens, at + 1, source)
        if at == len(tokens):
            raise ValueError(f"the formula {source!r} does not close a brace")
        return text, at + 1
    if mark in _RAISED:
        inner, at = _one(tokens, at + 1, source)
        return f"<{_RAISED[mark]}>{inner}</{_RAISED[mark]}>", at
    if command in _FONTS:
        return _one(tokens, at + 1, source)
    if command is not None:
        if command not in _SYMBOLS:
            raise ValueError(f"the formula {source!r} has the unknown command \\{command}")
        return _SYMBOLS[command], at + 1
    if space is not None:
        return "", at + 1
    return html.escape((sign or "").replace("-", "−"), quote=False), at + 1
