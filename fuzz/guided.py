"""Let atheris think up files for a reader: ``pip install atheris``, then ``python fuzz/guided.py KIND [CORPUS] [-runs=N ...]``.

KIND is one of those in `readers.READERS`; what follows goes to libFuzzer. The whole files of `readers.seeds` are what it begins
with, in a directory of its own or in CORPUS, which keeps what it finds for the next time.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parent))

with atheris.instrument_imports(include=["rnnlatch", "zipfile", "numpy.lib"]):
    import readers


def main() -> None:
    kind, *others = sys.argv[1:]
    read = readers.READERS[kind]
    if not others or others[0].startswith("-"):
        others.insert(0, tempfile.mkdtemp(prefix="corpus"))
    for number, data in enumerate(readers.seeds()[kind]):
        Path(others[0], f"whole-{number}").write_bytes(data)

    def one(data: bytes) -> None:
        with contextlib.suppress(*readers.REFUSALS):
            read(data)

    atheris.Setup([sys.argv[0], *others], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
