"""Draw the pictures of docs/gradients.md: run the examples of the page, which save them.

Usage: python docs/figures/draw_gradients.py [DIRECTORY], by default the one of this file.
"""

import contextlib
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "gradients.md"


def draw(directory: Path) -> None:
    """Run the examples one after another in a directory."""
    names: dict[str, object] = {}
    with contextlib.chdir(directory):
        for example in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
            exec(compile(example, str(PAGE), "exec"), names)


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
