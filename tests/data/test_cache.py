"""The directory that keeps what was made of data."""

import errno
import os
from pathlib import Path

import pytest

import rnnlatch as rl
from rnnlatch.data._cache import new_file


def test_the_directory_is_the_variables_or_the_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNLATCH_CACHE", str(tmp_path / "given"))
    assert rl.data.cache_directory() == tmp_path / "given"
    assert not (tmp_path / "given").exists()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RNNLATCH_CACHE", "~/tilde")
    assert rl.data.cache_directory() == tmp_path / "tilde"
    for absent in (None, ""):
        if absent is None:
            monkeypatch.delenv("RNNLATCH_CACHE")
        else:
            monkeypatch.setenv("RNNLATCH_CACHE", absent)
        assert rl.data.cache_directory().name == "rnnlatch"


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "numbers.bin"
    with new_file(path) as file:
        file.write(b"one")
        assert not path.exists()
    assert path.read_bytes() == b"one"

    def fail_half_way() -> None:
        with new_file(path) as file:
            file.write(b"tw")
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        fail_half_way()
    assert path.read_bytes() == b"one"
    with new_file(path) as file:
        file.write(b"two")
    assert path.read_bytes() == b"two"
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_what_cannot_be_written_names_the_directory_and_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    sentence = r"the cache directory '.*file/below' cannot be written to.*RNNLATCH_CACHE"
    with pytest.raises(OSError, match=sentence), new_file(tmp_path / "file" / "below" / "numbers.bin"):
        pass
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(OSError, match=r"cannot be written to \(No space left"), new_file(tmp_path / "numbers.bin"):
        raise full
    other = OSError(errno.EIO, os.strerror(errno.EIO))  # of what is read meanwhile
    with pytest.raises(OSError) as raised, new_file(tmp_path / "numbers.bin"):
        raise other
    assert raised.value is other
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
