"""The journal of a store: chosen by where the file is, the same results with either, and nobody reads in vain."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
import xarray as xr

import rnnlatch as rl
from rnnlatch import _journal, _sqlite
from rnnlatch._journal import NETWORK, journal_for
from rnnlatch.store import StoreError
from sweeps import RUNS, swept

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:30 / /home rw shared:2 - nfs4 server:/home rw,vers=4.2
24 23 0:31 / /home/me/scratch rw master:3 - xfs /dev/sdb1 rw
25 22 0:32 / /my\\040data rw - fuse.sshfs me@host: rw
26 22 0:33 / /over rw - tmpfs tmpfs rw
27 22 0:34 / /over rw - lustre 10.0.0.1@tcp:/work rw
28 22 0:35 / /homes rw - btrfs /dev/sdc rw
malformed
"""

PLACES = {
    "/tmp/s.sqlite": "wal",
    "/home/me/s.sqlite": "delete",
    "/home/me/scratch/deep/s.sqlite": "wal",
    "/home/me/scratch2/s.sqlite": "delete",
    "/homes/s.sqlite": "wal",
    "/my data/s.sqlite": "delete",
    "/over/s.sqlite": "delete",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sweep.sqlite"


def mode(path: Path) -> str:
    with _sqlite.read(path) as connection:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


@pytest.mark.parametrize("place", PLACES)
def test_the_journal_depends_on_the_file_system(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mounts").write_text(MOUNTS)
    monkeypatch.delenv("RNNLATCH_JOURNAL", raising=False)
    monkeypatch.setattr(_journal, "MOUNTS", tmp_path / "mounts")
    assert journal_for(Path(place)) == PLACES[place]
    monkeypatch.setattr(_journal, "MOUNTS", tmp_path / "none")
    assert journal_for(Path(place)) == "wal"


def test_the_file_systems_that_machines_share_are_known() -> None:
    shared = [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "lustre",
        "gpfs",
        "beegfs",
        "ceph",
        "afs",
        "9p",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.ceph-fuse",
    ]
    assert all(NETWORK.fullmatch(name) for name in shared)
    local = ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs", "fuse.ntfs-3g", "fuseblk", "nfsd", "fuse"]
    assert not any(NETWORK.fullmatch(name) for name in local)


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_either_journal_gives_the_same(path: Path, journal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNLATCH_JOURNAL", journal)
    seen: list[tuple[str, int]] = []

    def progress(*_: object) -> None:
        seen.append((mode(path), rl.open_store(path).finished))
        if seen[-1][1] > 2 * RUNS:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(store=path, chunk_runs=RUNS, progress=progress)
    assert sorted(set(seen)) == [(journal, finished) for finished in range(0, 3 * RUNS + 1, RUNS)]
    assert mode(path) == "delete", "whoever takes it elsewhere need not know how it was made"
    monkeypatch.setenv("RNNLATCH_JOURNAL", "delete" if journal == "wal" else "wal")
    xr.testing.assert_identical(swept(store=path).load(), swept())
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_journal_that_there_is_not_is_refused_before_anything_is_done(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNNLATCH_JOURNAL", "off")
    with pytest.raises(ValueError, match="RNNLATCH_JOURNAL is 'off'; it must be 'wal' or 'delete'"):
        swept(store=path)
    assert list(path.parent.iterdir()) == []


def test_who_writes_waits_for_who_reads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a journal, a commit needs the file for itself; a long check of it must not end the sweep."""
    monkeypatch.setenv("RNNLATCH_JOURNAL", "delete")
    monkeypatch.setattr(_sqlite, "POLL_SECONDS", 0.01)
    timers: list[threading.Timer] = []

    def read_for_a_while(done: int, *_: object) -> None:
        if done and not timers:
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM segment").fetchone()
            timers.append(threading.Timer(0.2, connection.close))
            timers[0].start()

    xr.testing.assert_identical(swept(store=path, chunk_runs=7, progress=read_for_a_while).load(), swept())
    timers[0].join()


def test_who_writes_does_not_wait_for_ever(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sqlite, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(_sqlite, "PATIENCE_SECONDS", 0.05)
    swept(store=path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM segment WHERE point = 3")
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="is in use by another process"):
            swept(store=path)
    xr.testing.assert_identical(swept(store=path).load(), swept())
