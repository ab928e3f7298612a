"""The examples of sphinx-gallery: run when the package has changed as well, and without archives of two files each."""

import re
from pathlib import Path

from gallery_runs import STAMP, code_hash
from sphinx.application import Sphinx
from sphinx.config import Config

import rnnlatch

FOLDER = "examples"
ARCHIVE = re.compile(r" *\.\. container:: sphx-glr-download sphx-glr-download-zip\n\n.*\n")


def choose(app: Sphinx, config: Config) -> None:
    """Run no example where no experiment is run, unless asked to, and all where the package is another than last time."""
    if not config.gallery_execute and "plot_gallery" not in config.overrides:
        config.plot_gallery = "False"
        return
    folder = Path(app.srcdir, FOLDER)
    folder.mkdir(exist_ok=True)
    stamp, code = folder / STAMP, code_hash(Path(rnnlatch.__file__).parent)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == code:
        return
    # The next step runs what has not been run as it stands, which these files tell.
    for path in folder.rglob("*.md5"):
        path.unlink()
    stamp.write_text(code, encoding="utf-8")


def leave_out(app: Sphinx, page: str, source: list[str]) -> None:  # noqa: ARG001
    """Leave out the archive of script and notebook, which stand beside it, and whose bytes depend on the clock."""
    if page.startswith(f"{FOLDER}/"):
        source[0] = ARCHIVE.sub("", source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Decide before examples are run."""
    app.connect("config-inited", choose)
    app.connect("source-read", leave_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
