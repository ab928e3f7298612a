"""What the gallery says of an experiment, in Markdown."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import xarray as xr
from deviations_page import anchor

from rnnlatch.experiments import Claim, Deviation, Experiment, deviations, read_claims
from rnnlatch.experiments.claims import describe

FOLDER = "experiments"
NOT_ABOUT = ("story.md", "deviations.md")
HELD = {True: "yes", False: "**no**", None: "undecided"}


def experiment_page(experiment: Experiment, result: Path | None, picture: str, written: Path | None) -> str:
    """Write the page of an experiment.

    Parameters
    ----------
    experiment : Experiment
        What is shown.
    result : Path or None
        The directory that it left behind at scale quick; None: it was not run in this build.
    picture : str
        The figure, relative to the page.
    written : Path or None
        The page that tells what was chosen and what came out at full size, relative to the page.
    """
    name = experiment.name
    lines = [f"# {escape(experiment.title)}", "", f"{escape(experiment.paper)}, {escape(experiment.figure)}.", ""]
    lines += [sentence(experiment.shows), ""]
    more = [] if written is None else [f"[What was chosen, and the figure at full size]({written.as_posix()})"]
    more += [f"[what the paper leaves out](../deviations.md#{name})"]
    lines += [" · ".join(more), ""]
    if result is None:
        lines += ["*This build of the documentation has not run it.*", "", *commands(experiment), ""]
        return "\n".join(lines)
    claims = read_claims(result / "claims.json")
    lines += [f"![{escape(experiment.shows)}]({picture})", ""]
    lines += ["This is scale `quick`, run as the documentation was built, with seed 0.", ""]
    lines += ["## To run it", "", *commands(experiment), "", *scales(experiment), ""]
    lines += ["## Claims", "", *claims_table(name, claims), ""]
    with xr.open_dataset(result / "data.nc", engine="h5netcdf") as data:
        lines += ["## Data", "", *data_section(name, data), ""]
    return "\n".join(lines)


def commands(experiment: Experiment) -> Iterator[str]:
    """Give the commands that make the page's figure, and the one at full size."""
    full = "subset" if "subset" in experiment.scales else "paper"
    quick, size = (experiment.scales[scale].duration for scale in ("quick", full))
    outs = {"quick": "quick", full: "results"}  # a store is of one scale
    lines = [f"rnnlatch reproduce {experiment.name} --scale {scale} --out {out}" for scale, out in outs.items()]
    width = max(map(len, lines))
    yield "```sh"
    yield from (f"{line:{width}}  # {takes}" for line, takes in zip(lines, (quick, size), strict=True))
    yield "```"


def scales(experiment: Experiment) -> Iterator[str]:
    """Give the table of scales."""
    yield "| scale | what is run | on two cores |"
    yield "| --- | --- | --- |"
    for name, scale in experiment.scales.items():
        yield f"| `{name}` | {escape(scale.runs)} | {escape(scale.duration)} |"


def claims_table(name: str, claims: Iterable[Claim]) -> Iterator[str]:
    """Give the table of claims."""
    yield "*Here* is what came out of this run; a claim is undecided where this scale cannot tell. *Published* is what came out"
    yield "at full size, and is explained."
    yield ""
    rows = deviations(name)
    everywhere = [row for row in rows if row.all]
    if everywhere:
        yield f"Every claim rests on our choice where the paper is silent: {links(name, everywhere)}."
        yield ""
    yield from ("::::{list-table}", ":header-rows: 1", ":widths: 50 12 12 26", ":class: claims", "")
    yield from ("* - Claim", "  - Here", "  - Published", "  - Measured here")
    for claim in claims:
        yield f"* - {escape(claim.statement)}"
        yield ""
        yield f"    {escape(claim.reason)} Source: *{escape(claim.source)}*."
        rests_on = [row for row in rows if row.name in claim.deviations]
        if rests_on:
            yield ""
            yield f"    Rests on our choice: {links(name, rests_on)}."
        yield f"  - {HELD[claim.held]}"
        yield f"  - {HELD[claim.expected]}"
        yield f"  - {escape(describe(claim.measured))}"
    yield "::::"


def links(name: str, rows: Iterable[Deviation]) -> str:
    """Link rows of the table of deviations."""
    words = [(re.sub(r"`([^`]+)`", r"\1", row.left_out), anchor(name, row)) for row in rows]
    return "; ".join(f"[{escape(text)}](#{target})" for text, target in words)


def data_section(name: str, data: xr.Dataset) -> Iterator[str]:
    """Say how the data are read, and list what there is."""
    yield "```python"
    yield "import xarray as xr"
    yield ""
    yield f'data = xr.open_dataset("results/{name}/data.nc", engine="h5netcdf")'
    yield "```"
    yield ""
    yield "::::{dropdown} What is in it"
    yield "| variable | over | what | unit |"
    yield "| --- | --- | --- | --- |"
    for key, variable in data.variables.items():
        what, unit = (escape(str(variable.attrs.get(attribute, ""))) for attribute in ("long_name", "units"))
        yield f"| `{key}` | {escape(', '.join(map(str, variable.dims)))} | {what} | {unit} |"
    yield "::::"
    yield ""
    made = {
        key: data.attrs[key] for key in ("rnnlatch_version", "numerics_version", "isa", "seed") if key in data.attrs
    }
    yield (
        "Its attributes say where it comes from: "
        + ", ".join(f"`{key}` {escape(str(value))}" for key, value in made.items())
        + "."
    )


def cards(shown: Iterable[tuple[Experiment, str | None, list[Claim]]]) -> Iterator[str]:
    """Give the overview: a card for each experiment under its paper, and the navigation in the same order.

    Parameters
    ----------
    shown : iterable of (Experiment, str or None, list of Claim)
        Each with its thumbnail and its claims, in the order of the papers.
    """
    papers: dict[str, list[tuple[Experiment, str | None, list[Claim]]]] = {}
    for each in shown:
        papers.setdefault(heading(each[0].paper), []).append(each)
    for paper, together in papers.items():
        yield from (f"## {escape(paper)}", "", "::::::{grid} 1 2 3 3", ":gutter: 3", "")
        for experiment, thumbnail, claims in together:
            yield f":::::{{grid-item-card}} {escape(experiment.title)}"
            yield from (f":link: {FOLDER}/{experiment.name}", ":link-type: doc")
            yield from [] if thumbnail is None else (f":img-top: {thumbnail}", ":img-alt:")
            held = sum(claim.held is True for claim in claims)
            failed = sum(claim.held is False for claim in claims)
            yield ""
            yield capital(experiment.figure) + ". "
            yield f"Claims: {held} held, {failed} did not, {len(claims) - held - failed} undecided."
            yield from (":::::", "")
        yield from ("::::::", "")
        # The same in the navigation.
        yield from ("```{toctree}", ":hidden:", f":caption: {paper}", "")
        yield from (f"{FOLDER}/{experiment.name}" for experiment, _, _ in together)
        yield from ("```", "")


def heading(paper: str) -> str:
    """Shorten a reference to its authors, where it came out, and the year."""
    if paper in ("rnnlatch", "An example from lectures on recurrent networks"):
        return "Our own, and after lectures"
    return re.sub(r" \d+\(\d+\):[\d-]+|, in .* Press(?=,)", "", paper)


def page_about(name: str, source: Path, here: Path) -> Path | None:
    """Find the page of a paper that reproduces an experiment, relative to a directory: one that papers.md links to."""
    for page in dict.fromkeys(re.findall(r"\]\(([\w-]+\.md)", (source / "papers.md").read_text(encoding="utf-8"))):
        if page in NOT_ABOUT:
            continue
        lines = re.findall(r"^rnnlatch reproduce .*$", (source / page).read_text(encoding="utf-8"), re.MULTILINE)
        if any(name in line.split("--")[0].split() for line in lines):
            return Path(os.path.relpath(source / page, here))
    return None


def sentence(text: str) -> str:
    """Make a sentence of what an experiment shows."""
    return capital(text.rstrip(".") + ".")


def capital(text: str) -> str:
    """Begin a text with a capital letter where it begins with a word."""
    return escape(text[0].upper() + text[1:] if text.split()[0].isalpha() else text)


def escape(text: str) -> str:
    """Let Markdown take a text as it is."""
    return re.sub(r"([\\`*_{}\[\]<>$|#~&])", r"\\\1", " ".join(text.split()))
