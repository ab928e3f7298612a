"""Which of SQLite's journals a file is written with: it depends on where the file is."""

import os
import re
from pathlib import Path
from typing import Literal, TypeAlias

from rnnlatch import validation

__all__ = ["VARIABLE", "Journal", "journal_for"]

Journal: TypeAlias = Literal["wal", "delete"]

VARIABLE = "RNNLATCH_JOURNAL"
JOURNALS: tuple[Journal, ...] = ("wal", "delete")

MOUNTS = Path("/proc/self/mountinfo")

NETWORK = re.compile(
    r"nfs\d?|cifs|smb\w*|ncpfs?|afs|kafs|coda|9p|virtiofs|vboxsf|prl_fs|lustre|gpfs|beegfs|fhgfs|ceph|panfs|pvfs2|orangefs|"
    r"glusterfs|gfs2|ocfs2|wekafs|davfs2?|"
    r"fuse\.(sshfs|ceph(-fuse)?|glusterfs|beegfs|juicefs|rclone|s3fs|gcsfuse|goofys|davfs2?|vmhgfs-fuse|smbnetfs)"
)
"""File systems that several machines share, as Linux names them; FUSE's by the name of the program."""


def journal_for(path: Path) -> Journal:
    """Choose the journal for a file.

    Parameters
    ----------
    path : Path
        The file, there or not.

    Returns
    -------
    str
        ``"wal"``: a log ahead of the file, which others can read meanwhile; the processes that use the file share
        memory, and so must be on one machine. ``"delete"``: SQLite's first journal, on file systems that machines share.

    Raises
    ------
    ValueError
        If the environment variable ``RNNLATCH_JOURNAL`` is set to something else than one of these.

    Notes
    -----
    Source: https://www.sqlite.org/wal.html; which file systems there are is known on Linux only.
    """
    forced = os.environ.get(VARIABLE)
    if forced:
        validation.choice(VARIABLE, forced, JOURNALS)
        return "wal" if forced == "wal" else "delete"
    return "delete" if NETWORK.fullmatch(_file_system(path)) else "wal"


def _file_system(path: Path) -> str:
    """Give the type of the file system that a file is on; an empty text where that is not known."""
    try:
        lines = MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    place = Path(os.path.realpath(path))
    found, depth = "", -1
    for line in lines:
        mount, _, system = line.partition(" - ")
        fields = mount.split(" ")
        if len(fields) < 5:
            continue
        # Blanks in names are written as \040.
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4]))
        # What is mounted later at the same place hides what was there.
        if place.is_relative_to(point) and len(point.parts) >= depth:
            found, depth = system.split(" ")[0], len(point.parts)
    return found
