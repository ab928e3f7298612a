"""Labels with formulas as HTML and as plain text."""

from __future__ import annotations

import pytest

from rnnlatch.report._words import as_html, as_text


@pytest.mark.parametrize(
    ("given", "marked", "said"),
    [
        (r"$\mathdefault{10^{-3}}$", "10<sup>−3</sup>", "10⁻³"),
        (
            r"$\Vert\partial s_T/\partial s_{T-\mathrm{lag}}\Vert_2$",
            "‖∂s<sub>T</sub>/∂s<sub>T−lag</sub>‖<sub>2</sub>",
            "‖∂s_T/∂s_T−lag‖_2",
        ),
        (r"$(\gamma\,\sigma_1)^\mathrm{lag}$", "(γ\u2009σ<sub>1</sub>)<sup>lag</sup>", "(γ\u2009σ_1)^lag"),
        ("a & b\n<i>", "a &amp; b<br>&lt;i&gt;", "a & b <i>"),
        (r"costs \$5", "costs $5", "costs $5"),
    ],
)
def test_formulas_become_readable(given: str, marked: str, said: str) -> None:
    assert as_html(given) == marked
    assert as_text(given) == said


@pytest.mark.parametrize("given", [r"$\frob{x}$", "$a^{b$", "$a}$", "$x^$"])
def test_formulas_that_are_not_known_are_refused(given: str) -> None:
    with pytest.raises(ValueError, match="the formula"):
        as_html(given)
