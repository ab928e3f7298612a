"""Draw the stored pictures anew, after a plot has been changed on purpose; look at them before they are committed.

Usage: python tests/plotting/draw_baselines.py [NAME ...], by default all that differ from the stored ones.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from plotting import images
from plotting.pictures import PICTURES, PROJECTIONS


def main(names: list[str]) -> None:
    images.BASELINES.mkdir(exist_ok=True)
    for name in names or PICTURES:
        path = images.BASELINES / f"{name}.png"
        drawn = images.render(PICTURES[name], PROJECTIONS.get(name))
        if names or not path.exists() or max(images.compare(drawn, images.baseline(name))) > 1e-3:
            images.write(path, drawn)
            sys.stdout.write(f"{path.name}: {path.stat().st_size / 1000:.1f} kB\n")


if __name__ == "__main__":
    main(sys.argv[1:])
