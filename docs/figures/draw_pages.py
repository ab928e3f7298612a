"""Draw the pictures of the guide's pages: run the examples of the pages, which save them.

Usage: python docs/figures/draw_pages.py [DIRECTORY], by default the one of this file.
"""

import contextlib
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGES = ("gradients.md", "dynamics.md")


def draw(page: str, directory: Path) -> None:
    """Run the examples of a page one after another in a directory."""
    path = HERE.parent / page
    names: dict[str, object] = {}
    with contextlib.chdir(directory):
        for example in re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
            exec(compile(example, str(path), "exec"), names)


if __name__ == "__main__":
    for each in PAGES:
        draw(each, Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
