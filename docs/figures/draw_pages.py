"""Draw the pictures of the guide's pages: run the examples of the pages, which save them.

Usage: python docs/figures/draw_pages.py [DIRECTORY], by default the one of this file.
"""

import contextlib
import re
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGES = ("start.md", "gradients.md", "dynamics.md")


def draw(page: str, directory: Path) -> None:
    """Run the examples of a page one after another, and keep their pictures in a directory."""
    path = HERE.parent / page
    names: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as scratch:
        with contextlib.chdir(scratch):
            for example in re.findall(
                r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL
            ):
                exec(compile(example, str(path), "exec"), names)
        for picture in Path(scratch).glob("*.png"):
            shutil.copy(picture, directory)


if __name__ == "__main__":
    for each in PAGES:
        draw(each, Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
