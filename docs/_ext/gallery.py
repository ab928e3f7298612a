"""The gallery: every experiment of the registry, run at scale quick, with its figure, its claims and its commands."""

import os
import shutil
from pathlib import Path

from gallery_pages import FOLDER, cards, experiment_page, page_about
from gallery_runs import run_all
from PIL import Image
from sphinx.application import Sphinx
from sphinx.config import Config

from rnnlatch import experiments
from rnnlatch.experiments import read_claims

THUMBNAIL = (480, 360)


def write_gallery(app: Sphinx, config: Config) -> None:
    """Run what is to be run, and write a page for each experiment and the cards of all."""
    source = Path(app.srcdir)
    results = source / config.gallery_results
    there = run_all(results, config.gallery_execute)
    folder = source / FOLDER
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    shown = []
    for name in experiments.names():
        experiment, picture = experiments.get(name), f"figures/{name}.png"
        result = results / name if name in there else None
        write(folder / f"{name}.md", experiment_page(experiment, result, picture, page_about(name, source, folder)))
        if result is None:
            shown.append((experiment, None, []))
            continue
        thumbnail = folder / "figures" / f"{name}-small.png"
        if not thumbnail.exists() or thumbnail.stat().st_mtime < (result / "figure.png").stat().st_mtime:
            shutil.copyfile(result / "figure.png", folder / picture)
            with Image.open(result / "figure.png") as image:
                image.thumbnail(THUMBNAIL)
                image.save(thumbnail)
        shown.append((experiment, os.path.relpath(thumbnail, source), read_claims(result / "claims.json")))
    write(folder / "cards.txt", "\n".join(cards(shown)))


def write(path: Path, text: str) -> None:
    """Write a file, and leave it as it is where it would be the same, so that Sphinx does not read it again."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before Sphinx looks for them."""
    app.add_config_value("gallery_execute", True, "env", bool)
    app.add_config_value("gallery_results", "_build/gallery", "env", str)
    app.connect("config-inited", write_gallery, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
