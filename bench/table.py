#!/usr/bin/env python3
"""Medians of run.sh's JSON lines, and how they stand to the best of the other clients: table.py FILE

Ends with 1 when a run was not whole or rcbs has no result, so that a broken benchmark does not look like a fast one.
"""

import json, sys
from collections import defaultdict
from statistics import median

FIGURES = ("wall_s", "cpu_s", "rss_mb")
OURS = "rcbs"


def main(path):
    with open(path) as file:
        runs = [json.loads(line) for line in file]
    broken = [run for run in runs if not run["ok"]]
    for run in broken:
        print(f"not whole, not counted: {run}", file=sys.stderr)
    groups = defaultdict(lambda: defaultdict(list))
    for run in runs:
        if run["ok"]:
            groups[run["workload"]][run["client"]].append(run)
    for workload, clients in groups.items():
        print_table(workload, clients)
    complete = groups and all(any(ours(client) for client in clients) for clients in groups.values())
    return 0 if complete and not broken else 1


def print_table(workload, clients):
    medians = {client: {name: median(run[name] for run in runs) for name in FIGURES} for client, runs in clients.items()}
    others = [figures for client, figures in medians.items() if not ours(client)]
    some = next(iter(clients.values()))[0]
    print(f"\n{workload}: {some['objects']} objects, {some['bytes'] / 1e6:.0f} MB\n")
    print(f"{'client':<12} {'runs':>4} {'wall s (min-max)':>22} {'CPU s':>7} {'RSS MB':>7}   ratio to the best other: wall  CPU  RSS")
    for client, figures in sorted(medians.items(), key=lambda entry: entry[1]["wall_s"]):
        walls = [run["wall_s"] for run in clients[client]]
        spread = f"{figures['wall_s']:.2f} ({min(walls):.2f}-{max(walls):.2f})"
        ratios = "  ".join(f"{figures[name] / max(min(other[name] for other in others), 1e-6):.2f}" for name in FIGURES) if others else ""
        print(f"{client:<12} {len(walls):>4} {spread:>22} {figures['cpu_s']:>7.2f} {figures['rss_mb']:>7.1f} {ratios:>46}")


def ours(client):
    return client.split("@")[0] == OURS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
