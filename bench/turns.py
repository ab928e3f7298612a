"""The turns of `run_all.py`: every library in a process of its own, one after the other, and what goes wrong told and left out.

How many threads a library uses is mostly read from the environment when it is imported, hence the processes; each is kept on as
many processor cores as it has threads. While it is not its turn a process is stopped: threads that wait busily would work
against the others. A process that dies, takes too long or gives a wrong answer costs its own rows only.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing import get_context
from typing import Any

from contest import environment, threads_in_environment
from ways import ANSWERS, WAYS, Way
from workloads import Timing, timed

IMPORTS = {
    "rnnlatch": ["rnnlatch"],
    "NumPy": ["numpy"],
    "Numba": ["peer_numba", "numba"],  # the first one sets what Numba reads when it is imported
    "JAX": ["jax"],
    "PyTorch": ["torch"],
}
COMPILED = ("Numba", "JAX", "PyTorch")  # a plan of theirs takes seconds to compile


@dataclass(frozen=True)
class Settings:
    """How long it is measured: seconds of a turn, rounds, seconds that a preparation may take; whether little is tuned."""

    seconds: float = 0.1
    rounds: int = 7
    patience: float = 300.0
    few: bool = False


QUICK = Settings(0.04, 3, 120.0, True)


@dataclass(frozen=True)
class Member:
    """Who takes part: a library, its threads, and what else is in its environment, with a word for it."""

    library: str
    threads: int = 1
    note: str = ""
    more: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Found:
    """A row that can run: its name, the plan that was chosen, units/s of all plans, how well its answer agrees."""

    name: str
    plan: str
    expert: bool
    checked: str
    speeds: dict[str, float]


@dataclass(frozen=True)
class Turn:
    """A measurement: the units that were done, and the seconds that they took."""

    units: float
    time: Timing


class Failure(Exception):
    """A sentence about what a process did not do."""


class Player:
    """A member's process."""

    def __init__(self, member: Member) -> None:
        self.member, self._group = member, 0
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        with environment(threads_in_environment(member.threads) | dict(member.more)):  # what a process inherits
            self._process = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
            self._group, self.missing = self._ask(300.0, _begin, member.library, cores[-member.threads :])
        self._signal(signal.SIGSTOP)

    def _signal(self, number: int) -> None:
        if self._group:
            with suppress(ProcessLookupError):
                os.killpg(self._group, number)

    def _ask(self, seconds: float, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return self._process.submit(function, *arguments).result(seconds)
        except TimeoutError as error:
            self.end()
            raise Failure(f"it took longer than {seconds:.0f} seconds") from error
        except BrokenProcessPool as error:
            self.end()
            raise Failure("its process died") from error
        except Exception as error:
            raise Failure(sentence(error)) from error

    def call(self, function: Callable[..., Any], *arguments: Any, seconds: float) -> Any:
        """Its turn: what a function gives in its process; a `Failure` if that does not work."""
        if self.ended:
            raise Failure("its process has ended before")
        self._signal(signal.SIGCONT)
        try:
            return self._ask(seconds, function, *arguments)
        finally:
            self._signal(signal.SIGSTOP)

    @property
    def ended(self) -> bool:
        """Whether the process is there no more."""
        return not self._group

    def end(self) -> None:
        """End the process, and those that it has started."""
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGKILL)
        self._group = 0
        self._process.shutdown(wait=False, cancel_futures=True)


def sentence(error: BaseException) -> str:
    """The first line of an error."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


# ---- in the process ------------------------------------------------------------------------------------------------

_chosen: dict[str, tuple[Way, int]] = {}


def _begin(library: str, cores: list[int]) -> tuple[int, str]:
    os.setpgid(0, 0)  # Ctrl-C is for who asks; and what a library starts is stopped and ended with it
    if cores:
        os.sched_setaffinity(0, cores)
    try:
        for module in IMPORTS[library]:
            import_module(module)
    except ImportError as error:
        return os.getpid(), sentence(error)
    return os.getpid(), ""


def _answer(family: str, library: str, work: Any) -> Any:
    return ANSWERS[family](library, work)


def _prepare(
    family: str, library: str, work: Any, threads: int, expected: Any, settings: Settings
) -> tuple[list[Found], dict[str, str]]:
    _chosen.clear()
    found: dict[str, Found] = {}
    problems: dict[str, str] = {}
    for way in WAYS[family](library, work, threads):
        if settings.few and (way.slow_start or (library in COMPILED and way.peer in found)):
            if way.slow_start:
                problems[way.peer] = "left out of a quick run, since compiling it takes too long"
            continue
        try:
            checked = way.check(expected)
            count, seconds, units = tuned(way, settings)
        except Exception as error:
            problems[f"{way.peer}, {way.plan}".removesuffix(", ")] = sentence(error)
            continue
        before = found.get(way.peer)
        speeds = {**(before.speeds if before else {}), way.plan: float(f"{units / seconds:.4g}")}
        if before is None or speeds[way.plan] >= max(before.speeds.values()):
            _chosen[way.peer] = way, count
            found[way.peer] = Found(way.peer, way.plan, way.expert, checked, speeds)
        else:
            found[way.peer] = Found(before.name, before.plan, before.expert, before.checked, speeds)
    return list(found.values()), problems


def tuned(way: Way, settings: Settings) -> tuple[int, float, float]:
    """Counts that fill the time of a turn; seconds and units of a measurement, at best of a few: what disturbs makes slower only.

    Where little is tuned it is the measurement by which the counts were found.
    """
    count, units = way.least, 0.0

    def once() -> None:
        nonlocal units
        units = way.run(count)

    once()  # compiles, fills caches
    while (took := timed(once).wall) < settings.seconds / 4 and count < 1 << 40:
        count *= 4
    filling = max(1, round(count * settings.seconds / took / way.least)) * way.least
    if settings.few:
        return filling, took, units
    count = filling
    return count, min(timed(once).wall for _ in range(3)), units


def _measure(name: str) -> Turn:
    way, count = _chosen[name]
    units = 0.0

    def once() -> None:
        nonlocal units
        units = way.run(count)

    time = timed(once)
    return Turn(units, time)


# ---- side by side --------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """A contestant with its turns."""

    player: Player
    found: Found
    turns: list[Turn] = field(default_factory=list)

    @property
    def name(self) -> str:
        """As in the table."""
        return self.found.name + (f", {self.player.member.note}" if self.player.member.note else "")


class Players:
    """The processes, started when they are first asked for and again where one has ended."""

    def __init__(self) -> None:
        self._there: dict[Member, Player] = {}
        self.missing: dict[str, str] = {}

    def get(self, member: Member) -> Player | None:
        """A member's process, or None where its library is not installed."""
        if member.library in self.missing:
            return None
        player = self._there.get(member)
        if player is None or player.ended:
            player = self._there[member] = Player(member)
        if player.missing:
            self.missing[member.library] = player.missing
            player.end()
            return None
        return player

    def close(self) -> None:
        """End them all."""
        for player in self._there.values():
            player.end()


@dataclass
class Outcome:
    """What came of a contest: rows, engine first; the parts' rates in each round; what went wrong, by name."""

    rows: list[Row]
    rates: list[Any]
    problems: dict[str, str]


def contest(
    family: str,
    work: Any,
    members: list[Member],
    reference: str,
    players: Players,
    settings: Settings,
    rates: Callable[[], Any] | None,
    public_only: bool = False,
) -> Outcome:
    """Check and tune everybody, then let all take turns, every second round backwards.

    Where `public_only` the engine has one row for each number of threads, its public function's.
    """
    problems: dict[str, str] = {}
    rows: list[Row] = []
    expected = None
    if family in ANSWERS:
        try:
            asked = players.get(Member(reference)) or players.get(Member("rnnlatch"))
            if asked is not None:
                name = asked.member.library
                expected = asked.call(_answer, family, name, work, seconds=settings.patience)
        except Failure as failure:
            problems["the answer that others are compared with"] = str(failure)
    for member in members:
        try:
            player = players.get(member)
            if player is None:
                continue
            arguments = (family, member.library, work, member.threads, expected, settings)
            found, wrong = player.call(_prepare, *arguments, seconds=settings.patience)
        except Failure as failure:
            problems[member.library + (f", {member.note}" if member.note else "")] = str(failure)
            continue
        problems |= wrong
        keep = found[:1] if public_only and member.library == "rnnlatch" else found
        rows += [Row(player, each) for each in keep]
    measured = []
    for round_ in range(settings.rounds):
        for row in list(rows) if round_ % 2 == 0 else list(reversed(rows)):
            try:
                row.turns.append(row.player.call(_measure, row.found.name, seconds=60 + 100 * settings.seconds))
            except Failure as failure:
                problems[row.name] = str(failure)
                rows.remove(row)
        if rates is not None:
            measured.append(rates())
    return Outcome(rows, measured, problems)
