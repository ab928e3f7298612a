"""What `mutants.py` can change: the tokens of a source that compute, and what may stand for each."""

from __future__ import annotations

import ast
import io
import keyword
import re
import tokenize
from typing import NamedTuple

OTHERS = {
    "+": "-", "*": "/", "/": "*", "//": "/", "**": "*", "%": "*", "+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=",
    "==": "!=", "!=": "==", "&": "|", "|": "&", "&&": "||", "||": "&&", "and": "or", "or": "and",
    "min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "argmin": "argmax", "argmax": "argmin",
    "any": "all", "all": "any", "True": "False", "False": "True", "true": "false", "false": "true",
    "floor": "ceil", "ceil": "floor", "break": "continue",
}  # fmt: skip
COMPARISONS = {"<": ("<=", ">"), "<=": ("<", ">"), ">": (">=", "<"), ">=": (">", "<")}
CPP_TOKEN = re.compile(
    r"""(?P<skipped>//[^\n]*|/\*.*?\*/|^[ \t]*\#(?:[^\n\\]|\\.)*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])+'|\s+)
    |(?P<number>(?:0[xX][\da-fA-F'.]+(?:[pP][+-]?\d+)?|\d[\d'.]*(?:[eE][+-]?\d+)?)[uUlLfF]*)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<operator><<=|>>=|<=>|\+\+|--|->|&&|\|\||[-+*/%<>=!&|^]=|<<|>>|::|.)""",
    re.X | re.S | re.M,
)


class Token(NamedTuple):
    kind: str  # "number", "name" or "operator"
    text: str
    start: int
    end: int


def python_tokens(text: str) -> list[Token]:
    """The tokens that compute: without annotations, imports, messages of errors and texts."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    lines = text.encode().splitlines(keepends=True)

    def place(row: int, bytes_before: int) -> int:
        return starts[row - 1] + len(lines[row - 1][:bytes_before].decode())

    left_out = []
    for node in ast.walk(ast.parse(text)):
        parts = [
            getattr(node, "annotation", None),
            getattr(node, "returns", None),
            *getattr(node, "decorator_list", []),
        ]
        if isinstance(node, ast.Raise | ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Assert):
            parts.append(node)
        for part in parts:
            if isinstance(part, ast.expr | ast.stmt):
                left_out.append(
                    (place(part.lineno, part.col_offset), place(part.end_lineno or 0, part.end_col_offset or 0))
                )
    kinds = {tokenize.NUMBER: "number", tokenize.NAME: "name", tokenize.OP: "operator"}
    found = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        start = starts[token.start[0] - 1] + token.start[1]
        if token.type in kinds and not any(first <= start < last for first, last in left_out):
            found.append(Token(kinds[token.type], token.string, start, start + len(token.string)))
    return found


def cpp_tokens(text: str) -> list[Token]:
    """The tokens that compute: without comments, the preprocessor's lines, template arguments and what is thrown or asserted."""
    every = [
        Token(match.lastgroup or "", match.group(), match.start(), match.end())
        for match in CPP_TOKEN.finditer(text)
        if match.lastgroup != "skipped"
    ]
    found, at = [], 0
    while at < len(every):
        token, end = every[at], at
        if token.text in ("static_assert", "using", "throw", "friend", "enum"):
            while every[end].text != ";":
                end += 1
        elif token.text == "<" and not spaced(text, token):
            depth = 0
            while end < len(every):
                depth += {"<": 1, ">": -1, ">>": -2}.get(every[end].text, 0)
                if depth <= 0:
                    break
                end += 1
        elif token.text == "operator":
            end += 1
        else:
            found.append(token)
        at = end + 1
    return found


def spaced(text: str, token: Token) -> bool:
    return text[token.start - 1].isspace() and text[token.end : token.end + 1].isspace()


def replacements(text: str, before: Token, token: Token, after: Token, python: bool) -> list[str]:
    """What may stand for a token."""
    word = token.text
    if token.kind == "number":
        if word in ("0", "1"):
            return ["1"] if word == "0" else ["0", "2"]
        hexadecimal = word[:2] in ("0x", "0X")
        if any(mark in word for mark in (".p" if hexadecimal else ".ej")):
            return [f"({word} + 1)"] if float(re.sub("[fFj]$|0x.*", "", word) or 1) == 0 else [f"(2 * {word})"]
        return [f"({word} + 1)", f"({word} - 1)"]
    if token.kind == "name":
        called = after.text == "("
        if word == "not" and before.text != "is":
            return [""]
        if word in ("min", "max", "any", "all", "floor", "ceil") and not called:
            return []
        return [OTHERS[word]] if word in OTHERS else []
    operand = (before.kind == "number" or before.text in ")]") or (
        before.kind == "name" and not keyword.iskeyword(before.text)
    )
    binary = operand if python else spaced(text, token)
    if word == "-" and not binary:
        return [""] if after.kind != "operator" or after.text == "(" else []
    if word in ("~", "!") and not operand:
        return [""] if python or before.text not in ";{}" else []  # a destructor
    if word == "-":
        return ["+"]
    if word in COMPARISONS:
        return list(COMPARISONS[word]) if binary else []
    return [OTHERS[word]] if word in OTHERS and binary else []
