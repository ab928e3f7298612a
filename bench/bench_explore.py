"""The page of the latch under a moving slider, in Chromium: ``python bench/bench_explore.py [CHROMIUM]``."""

import importlib
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from rnnlatch.report._explore import explore

# A new weight for each frame, from one end of the slider to the other and back.
MOVE = """() => new Promise(done => {
  const slider = document.getElementById("w"), times = [], work = [], show = rnnlatchExplore.show;
  let at = 0, before = performance.now();
  function frame(now) {
    times.push(now - before);
    before = now;
    slider.value = String(0.5 + 2.5 * Math.abs(Math.sin(at / 40)));
    slider.dispatchEvent(new Event("input"));
    const start = performance.now();
    show();
    work.push(performance.now() - start);
    at += 1;
    if (at < 300) requestAnimationFrame(frame); else done([times.slice(5), work.slice(5)]);
  }
  requestAnimationFrame(frame);
})"""


def main(chromium: str) -> None:
    playwright: Any = importlib.import_module("playwright.sync_api")
    with tempfile.TemporaryDirectory() as directory, playwright.sync_playwright() as started:
        path = Path(directory) / "latch.html"
        path.write_text(explore(), encoding="utf-8")
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.goto(f"{path.as_uri()}#w=1.25&h=0&s=0.1&length=300")
        times, work = page.evaluate(MOVE)
        for name, values in (("from frame to frame", times), ("to draw", work)):
            print(
                f"{name}: median {statistics.median(values):.1f} ms, 95 % below {sorted(values)[int(0.95 * len(values))]:.1f} ms"
            )
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:] or ["/usr/bin/chromium"])
