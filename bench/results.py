"""What was measured, kept as lines of JSON, a file for each workload, and what follows from it."""

import json
import os
from statistics import median
from typing import NamedTuple

from clients import OURS

# Less than so much of a bound lies between it and what is near.
NEAR = 0.25


class Spread(NamedTuple):
    """Of several rounds."""
    median: float
    least: float
    most: float


class Results:
    """The runs of one workload, and what they ran on."""

    def __init__(self, about, runs):
        self.about, self.runs = about, runs

    def whole(self):
        """Runs that did the work."""
        return [run for run in self.runs if run["wrong"] is None]

    def clients(self):
        """Their labels, in the order of their wall time."""
        labels = {run["client"]: None for run in self.whole()}
        return sorted(labels, key=lambda label: self.spread(label, "wall_s").median)

    def rounds(self):
        return max((run["round"] for run in self.runs), default=0)

    def spread(self, label, figure):
        return spread_of([run[figure] for run in self.whole() if run["client"] == label])

    def ours(self):
        """The label of ours; none when it never did the work."""
        return next((run["client"] for run in self.whole() if run["name"] == OURS), None)

    def best(self, figure):
        """Of the others that do the whole work, the one that needs least of this; none when there is no other."""
        labels = {run["client"] for run in self.whole() if run["name"] != OURS and run["is_peer"]}
        return min(labels, key=lambda label: self.spread(label, figure).median, default=None)

    def reached(self, goal, others):
        """The spread of what a goal is about; `others` gives the results of other workloads. None when it is unknown."""
        ours = self.by_round(self.ours(), goal.figure)
        if goal.is_beside_others():
            theirs = self.by_round(self.best(goal.figure), goal.figure)
            values = [value / max(theirs[number], 1e-6) for number, value in ours.items() if number in theirs]
        elif goal.of:
            other = others(goal.of)
            label = other and other.ours()
            base = other.spread(label, goal.figure).median if label else None
            values = [value / base for value in ours.values()] if base else []
        else:
            values = list(ours.values())
        return spread_of(values) if values else None

    def by_round(self, label, figure):
        return {run["round"]: run[figure] for run in self.whole() if run["client"] == label and figure in run}

    def is_near(self, goals):
        """Whether more rounds are wanted before anything is said about a goal: near it, or near the others."""
        spreads = [(goal, self.reached(goal, lambda _: None)) for goal in goals if self.ours()]
        bounds = [(found, bound) for goal, found in spreads if found
                  for bound in (goal.limit, *([1.0] if goal.is_beside_others() else []))]
        return any(abs(found.median / bound - 1) <= NEAR for found, bound in bounds)


def spread_of(values):
    return Spread(median(values), min(values), max(values))


def keep(folder, name, results):
    os.makedirs(folder, exist_ok=True)
    path = f"{folder}/{name}.jsonl"
    with open(f"{path}.new", "w") as file:
        for line in (results.about, *results.runs):
            file.write(json.dumps(line) + "\n")
    os.replace(f"{path}.new", path)


def load(folder, name):
    """None when the workload was never run."""
    try:
        with open(f"{folder}/{name}.jsonl") as file:
            about, *runs = map(json.loads, file)
    except FileNotFoundError:
        return None
    return Results(about, runs)
