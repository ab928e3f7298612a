"""The page of a directory: what is on it, and what is said of directories that have nothing, or something else."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from reported import CLAIMS, invented, write_results
from rnnlatch import experiments, report
from rnnlatch._numerics import NUMERICS_VERSION
from rnnlatch.cli import main
from rnnlatch.experiments.reproduce import reproduce
from rnnlatch.report._page import make, written

NAME = "unit-weight"
CLOSED = {"meta", "link", "img", "br", "input", "hr"}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with one experiment in it."""
    directory = tmp_path_factory.mktemp("kept")
    reproduce(experiments.get(NAME), directory, scale="quick", seed=5)
    return directory


@pytest.fixture
def results(kept: Path, tmp_path: Path) -> Path:
    """A copy that can be damaged."""
    for path in (kept / NAME).iterdir():
        (tmp_path / "results" / NAME).mkdir(parents=True, exist_ok=True)
        (tmp_path / "results" / NAME / path.name).write_bytes(path.read_bytes())
    return tmp_path / "results"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("invented")
    return written([invented(directory)], ["short-spans: data.nc is missing"], directory, directory)


class Reader(HTMLParser):
    """Tags with their attributes, scripts by what they are, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in CLOSED and tag not in ("path", "line", "rect"):
            self.open.append(tag)
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            attrs, before = self.scripts[-1]
            self.scripts[-1] = attrs, before + data
        elif "style" not in self.open:
            self.text += data


def test_everything_of_a_result_is_on_the_page(page: str) -> None:
    text = " ".join(Reader(page).text.split())
    for claim in CLAIMS:
        assert claim.statement in text
        assert claim.reason in text
        assert claim.source in text
    assert "Lags & losses" in text
    assert "What is learned <at all>" in text
    assert "share 0.95, runs 20" in text
    assert "did not hold, as we have found before" in text
    assert "held, against what we have found before" in text
    assert "undecided at this scale" in text
    assert "rnnlatch reproduce invented --scale quick --seed 3 --out" in text
    assert "x86-64-v3" in text
    assert "short-spans: data.nc is missing" in text
    assert tuple(re.findall(r">(here|1\.0)</t[hd]>", page)) == ("here", "1.0")


def test_the_page_asks_for_nothing_and_lets_no_other_script_run(page: str) -> None:
    reader = Reader(page)
    policy = next(
        str(attrs["content"]) for tag, attrs in reader.tags if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    run = [text for attrs, text in reader.scripts if "type" not in attrs]
    assert {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in run} == allowed
    for tag, attrs in reader.tags:
        assert tag not in ("link", "iframe", "object", "form")
        assert not [name for name in attrs if name.startswith("on")]
        for name in ("src", "srcset"):
            assert str(attrs.get(name, "data:")).startswith("data:")
        if "href" in attrs:
            assert not re.match(r"[a-z]+:", str(attrs["href"]))


def test_the_page_can_be_read_without_seeing_it(page: str) -> None:
    reader = Reader(page)
    ids = [attrs["id"] for _, attrs in reader.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in reader.tags:
        for name in ("aria-labelledby",):
            assert attrs.get(name) in (None, *ids)
        if str(attrs.get("href", "")).startswith("#"):
            assert str(attrs["href"])[1:] in ids
    levels = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for tag, attrs in reader.tags:
        if tag == "th":
            assert attrs.get("scope") in ("row", "col")
        if tag == "img":
            assert attrs.get("alt")
        if attrs.get("role") == "img":
            assert len(str(attrs["aria-label"])) > 20
    assert {tag for tag, _ in reader.tags} >= {"main", "header", "h1"}
    shares = next(str(attrs["aria-label"]) for _, attrs in reader.tags if attrs.get("data-figure") == "invented-1")
    assert (
        shares
        == "a  shares. share of runs against lag (steps) (lag (steps) logarithmic). series: share of h_T, a control, chance."
    )


def test_the_same_results_give_the_same_page(page: str, tmp_path: Path) -> None:
    again = written([invented(tmp_path)], ["short-spans: data.nc is missing"], tmp_path, tmp_path)
    one, other = (re.sub(r"--out [^<]+", "", each) for each in (page, again))
    assert one == other


def test_the_data_of_figures_cannot_end_their_element(page: str) -> None:
    data = {str(attrs["id"]): json.loads(text) for attrs, text in Reader(page).scripts if "type" in attrs}
    assert sorted(data) == ["invented-1", "invented-2", "invented-3"]
    assert {"data", "layout", "numeric", "covered"} == set(data["invented-1"])
    assert [data[name]["covered"] for name in sorted(data)] == [False, True, False]


def test_claims_lead_to_what_the_paper_leaves_out(kept: Path, tmp_path: Path) -> None:
    assert 'href="#unit-weight-experiment">an example of lectures, in words</a>' in report.page(kept)
    read = invented(tmp_path)
    known = replace(read.experiment, name="bengio1994-length")
    claims = (replace(CLAIMS[0], deviations=("reading", "no longer there")), *CLAIMS[1:])
    text = written([replace(read, experiment=known, claims=claims)], [], tmp_path, tmp_path)
    (cell,) = re.findall(r"Rests on our choice: (.*?)</span>", text, re.DOTALL)
    assert re.findall(r'href="#([^"]+)"', cell) == ["bengio1994-length-reading"]
    assert 'id="bengio1994-length-reading"' in text
    assert "as in <code>bengio1994-density</code>; L = 3" in text


def test_a_directory_and_one_experiment_in_it(kept: Path) -> None:
    one, other = report.page(kept), report.page(kept / NAME)
    assert "One weight, used a thousand times" in one
    assert 'href="unit-weight/data.nc"' in one
    assert 'href="data.nc"' in other
    assert "--scale quick --seed 5" in other


def test_the_command(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(results)]) == 0
    assert capsys.readouterr().out == f"{results / 'report.html'}: 1 experiment\n"
    assert main(["report", str(results), "--out", str(tmp_path / "page.html")]) == 0
    assert 'href="results/unit-weight/data.nc"' in (tmp_path / "page.html").read_text()
    assert "report.html" not in re.sub("<script.*?</script>", "", (results / "report.html").read_text(), flags=re.S)


@pytest.mark.parametrize("file", ["data.nc", "claims.json"])
def test_half_written_results(results: Path, file: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = results / NAME / file
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert main(["report", str(results)]) == 2
    kind = {"data.nc": "no NetCDF file", "claims.json": "no list of claims"}[file]
    again = f"`rnnlatch reproduce {NAME} --out {results}`, with the --scale that it had, makes it again"
    assert capsys.readouterr().err == f"rnnlatch: {NAME}: {path} is not whole or {kind}; {again}\n"
    path.unlink()
    assert main(["report", str(results)]) == 2
    assert f"{NAME}: {file} is missing in {path.parent}, as after an interruption;" in capsys.readouterr().err
    assert not (results / "report.html").exists()


@pytest.mark.parametrize(
    "content",
    [
        '{"held": true}',
        '[{"statement": "x"}]',
        "[1]",
        "[]x",
        '[{"statement": 1, "source": "", "measured": {}, "held": 3, "expected": true, "reason": ""}]',
    ],
)
def test_claims_that_are_none(results: Path, content: str) -> None:
    (results / NAME / "claims.json").write_text(content)
    with pytest.raises(ValueError, match=r"claims\.json is not whole or no list of claims"):
        make(results)


@pytest.mark.parametrize(
    ("attrs", "said"),
    [
        (
            {"numerics_version": NUMERICS_VERSION + 1, "rnnlatch_version": "9.0"},
            r"are of rnnlatch 9\.0 \(numerics version 3\), and",
        ),
        ({"numerics_version": "two"}, r"\(numerics version two\), and"),
        (
            {"experiment": "short-spans"},
            "data.nc is of short-spans; each experiment must be in the directory of its name",
        ),
    ],
)
def test_results_of_another_version(results: Path, attrs: dict[str, Any], said: str) -> None:
    with xr.open_dataset(results / NAME / "data.nc", engine="h5netcdf") as found:
        other = found.load().assign_attrs(attrs)
    write_results(results, NAME, other)
    with pytest.raises(ValueError, match=said):
        make(results)


def test_a_dataset_that_the_plot_cannot_draw(results: Path) -> None:
    with xr.open_dataset(results / NAME / "data.nc", engine="h5netcdf") as found:
        bare = found.load().drop_vars(list(found.data_vars))
    write_results(results, NAME, bare)
    with pytest.raises(ValueError, match=r"holds cannot be drawn by rnnlatch .*; it was made by .* \(KeyError: "):
        make(results)


def test_what_is_whole_is_shown_and_the_rest_is_named(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (results / "short-spans").mkdir()
    (results / "short-spans" / "sweep.sqlite").touch()
    (results / "trade-off").mkdir()  # of an experiment that has not begun
    assert main(["report", str(results)]) == 1
    told = capsys.readouterr()
    why = f"data.nc is missing in {results / 'short-spans'}, as after an interruption"
    command = f"rnnlatch reproduce short-spans --out {results}"
    said = f"short-spans: {why}; `{command}`, with the --scale that it had, makes it again"
    assert told.err == f"rnnlatch: left out: {said}\n"
    on_page = said.replace(f"`{command}`", f"<code>{command}</code>")
    assert on_page in html.unescape((results / "report.html").read_text())


def test_directories_that_have_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    for given, said in (
        (tmp_path / "nowhere", "and there is no such directory"),
        (tmp_path / "file", "which is no directory; it must be one with results"),
        (tmp_path, f"and there are no results in it; `rnnlatch reproduce NAME --out {tmp_path}` makes some"),
    ):
        assert main(["report", str(given)]) == 2
        assert capsys.readouterr().err == f"rnnlatch: DIR is {str(given)!r}, {said}\n"


def test_a_page_that_cannot_be_written(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for given, said in (
        (tmp_path, "which is a directory; it must be a file to write"),
        (tmp_path / "nowhere" / "page.html", f"and there is no directory {tmp_path / 'nowhere'}; it must be there"),
    ):
        assert main(["report", str(results), "--out", str(given)]) == 2
        assert capsys.readouterr().err == f"rnnlatch: out is {str(given)!r}, {said}\n"
