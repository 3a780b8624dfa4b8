#!/usr/bin/env python3
"""rcbs beside the programs that one would take instead, on the same work.

    python3 bench                    everything; writes docs/benchmarks.md and its chart
    python3 bench voice 'decrypt*'   only these; the page is made anew with what is kept of the others
    python3 bench page               only the page, from what is kept
    python3 bench list               the names

Settings: SCALE (1; 0.1 is a tenth of everything: the page goes to the screen only), ROUNDS (3, and 5 where it is close),
RCBS (the program under test), WORK (a folder in memory; /dev/shm), DISK (a folder on a disk; target/bench),
PAGE (the page, its chart beside it; docs/benchmarks.md when SCALE is 1).
What was measured is kept in target/bench, a file for each workload.
"""

import os
import signal
import subprocess
import sys
from fnmatch import fnmatch

import machine
import page
import results
import rounds
from stage import RESULTS, TOP, Stage, say
from workload import Missing
from workloads import all_workloads


def main(names):
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    scale = float(os.environ.get("SCALE", "1"))
    kept = RESULTS if scale == 1 else f"{RESULTS}/scale-{scale:g}"
    workloads = all_workloads()
    if names == ["list"]:
        print("\n".join(f"{workload.name:<16} {workload.title}" for workload in workloads))
        return 0
    wanted = [] if names == ["page"] else chosen(workloads, names)
    whole = run_all(wanted, scale, kept)
    show(workloads, scale, kept)
    return 0 if whole else 1


def chosen(workloads, names):
    for name in names:
        if not any(fnmatch(workload.name, name) for workload in workloads):
            sys.exit(f"bench: there is no workload {name}; `python3 bench list` names them")
    return [workload for workload in workloads if not names or any(fnmatch(workload.name, name) for name in names)]


def run_all(workloads, scale, kept):
    """Whether everything was done that was tried."""
    if not workloads:
        return True
    stage, whole = Stage(scale), True
    try:
        about = machine.about(stage)
        for at, workload in enumerate(workloads):
            try:
                found = rounds.run(stage, workload, about)
            except (Missing, subprocess.CalledProcessError, OSError, ValueError) as reason:
                say(f"  {workload.name} is left out: {reason}")
                whole = whole and isinstance(reason, Missing)
                found = results.Results(about | {"left_out": str(reason)}, [])
            results.keep(kept, workload.name, found)
            whole = whole and not any(run["wrong"] for run in found.runs)
            stage.keep(name for later in workloads[at + 1:] for name in later.needs)
    finally:
        stage.close()
    return whole


def show(workloads, scale, kept):
    found = {workload.name: results.load(kept, workload.name) for workload in workloads}
    path = os.environ.get("PAGE", f"{TOP}/docs/benchmarks.md" if scale == 1 else None)
    text, drawn = page.page(workloads, found, scale, page.kept_notes(path))
    print(text)
    if path:
        page.write(path, text, drawn)
        say(f"{path} is written")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
