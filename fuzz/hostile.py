"""Give the compiled core and the readers of files what is wrong: ``python fuzz/hostile.py [boundary|readers] [--inputs N]``.

Each input follows from its number alone. The inputs are tried in a process of its own, which is watched: when it dies, when it
hangs, or when something else than a refusal comes out, the number is kept and the next process goes on behind it. In the end
the numbers are printed, with the command that tries one of them again, and the exit code is 1; so it is when the memory of a
process has grown. What has been done is printed from time to time; ``--first`` goes on from there.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np

from allocated import resident
from briefly import briefly

TARGETS = ("boundary", "readers")
AT_ONCE = 20_000
"""Inputs of one process."""
LONG, HANGS = 0.05, 120.0
"""Seconds of computing after which an input is interrupted as by Ctrl-C; of the clock after which the process hangs."""
MEMORY = 2**30
"""Bytes of address space that an input may take."""
GROWTH = 128 * 2**20
"""Bytes of resident memory that all inputs of a process may leave behind: less than 3 kilobytes each."""
MOST = 20
"""Findings after which it is enough."""


def trial(target: str) -> Callable[[int], None]:
    """What tries the input of a number."""
    if target == "boundary":
        import boundary

        return boundary.trial()
    import readers

    return readers.trial()


def address_space() -> int:
    """Give the bytes of address space that the process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def work(target: str, first: int, count: int, place: int, limit: bool) -> int:
    """Try so many inputs, and write where it is to the file that the watching process looks at."""
    warnings.simplefilter("ignore")
    np.set_printoptions(threshold=1, edgeitems=1)  # messages of wrong types show all arguments
    attempt = trial(target)
    if limit:
        resource.setrlimit(resource.RLIMIT_AS, (address_space() + MEMORY,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    before = 0
    for number in range(first, first + count):
        os.pwrite(place, b"%20d" % number, 0)
        if number == first + count // 10:
            before = resident()
        try:
            briefly(partial(attempt, number), LONG)
        except BaseException:
            traceback.print_exc()
            return 3
    os.pwrite(place, b"%20d" % (first + count), 0)
    grown = resident() - before
    if limit and grown > GROWTH:
        print(f"{target}: inputs {first} to {first + count} left {grown / 2**20:.0f} MiB behind")
        return 4
    return 0


def watch(target: str, first: int, count: int, limit: bool) -> tuple[int, str]:
    """Try so many inputs in a process of its own; gives the number reached, and what is wrong with it."""
    with tempfile.TemporaryFile() as place:
        descriptor = place.fileno()
        os.pwrite(descriptor, b"%20d" % first, 0)
        command = [sys.executable, __file__, target, "--inputs", str(count), "--first", str(first)]
        command += ["--place", str(descriptor)] + ([] if limit else ["--no-limit"])
        process = subprocess.Popen(command, pass_fds=[descriptor])
        last, since = -1, time.monotonic()
        while (code := process.poll()) is None:
            time.sleep(0.1)
            at = int(os.pread(descriptor, 20, 0))
            if at != last:
                last, since = at, time.monotonic()
            elif time.monotonic() - since > HANGS:
                process.kill()
                process.wait()
                return at, "hangs"
        return int(os.pread(descriptor, 20, 0)), "" if code == 0 else f"ended with {code}"


def search(target: str, first: int, end: int, limit: bool) -> list[str]:
    """Try all inputs in one process after the other; gives what was found."""
    found: list[str] = []
    at, begun = first, time.monotonic()
    while at < end and len(found) < MOST:
        until = min(at + AT_ONCE, end)
        at, wrong = watch(target, at, until - at, limit)
        print(f"{target}: {at - first} inputs, to {at}, in {time.monotonic() - begun:.0f} s", flush=True)
        if wrong:
            found.append(f"{target}: input {at} {wrong}; again with: {target} --only {at}")
            at += at < until
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", nargs="?", choices=TARGETS)
    parser.add_argument("--inputs", type=int, default=500_000, help="for each target")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", type=int)
    parser.add_argument("--no-limit", action="store_true", help="no limit of memory, for a core with AddressSanitizer")
    parser.add_argument("--place", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only is not None:
        given.first, given.inputs, given.place = given.only, 1, os.open(os.devnull, os.O_WRONLY)
    if given.place is not None:
        return work(given.target, given.first, given.inputs, given.place, not given.no_limit)
    found: list[str] = []
    for target in [given.target] if given.target else TARGETS:
        found += search(target, given.first, given.first + given.inputs, not given.no_limit)
    print(*found, sep="\n", end="\n" if found else "")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
