"""Contestants of the benchmarks that die, take too long or fail are told, and cost their own process only."""

import os
import time
from collections.abc import Iterator

import pytest

from turns import Failure, Member, Player, Players

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="processes are stopped and ended in groups")


@pytest.fixture
def players() -> Iterator[Players]:
    made = Players()
    yield made
    made.close()


def begun(players: Players) -> Player:
    player = players.get(Member("NumPy"))
    assert player is not None
    return player


def test_a_failure_is_a_sentence_and_the_next_process_works(players: Players) -> None:
    first = begun(players)
    with pytest.raises(Failure, match="ValueError: invalid literal"):
        first.call(int, "x", seconds=60)
    assert begun(players) is first
    with pytest.raises(Failure, match="its process died"):
        first.call(os._exit, 1, seconds=60)
    assert first.ended
    second = begun(players)
    assert second.call(int, "7", seconds=60) == 7
    with pytest.raises(Failure, match="it took longer than 0 seconds"):
        second.call(time.sleep, 60, seconds=0.1)
    with pytest.raises(Failure, match="has ended before"):
        second.call(int, "7", seconds=60)


def test_a_library_that_is_not_installed_is_told_once(players: Players, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Player, "_ask", lambda *_: (0, "ModuleNotFoundError: No module named 'jax'"))
    assert players.get(Member("JAX")) is None
    assert players.missing == {"JAX": "ModuleNotFoundError: No module named 'jax'"}
    assert players.get(Member("JAX", 2)) is None
