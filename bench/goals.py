"""What is aimed for: a bound for one figure of ours, as it is or beside the others."""

from typing import NamedTuple, Optional

# What a figure is called on the page, and its unit.
NAMES = {
    "wall_s": ("wall", "s"), "cpu_s": ("CPU", "s"), "rss_mb": ("peak RSS", "MB"),
    "bound": ("wall / latency bound", ""), "first_request_s": ("start to first request", "s"),
    "status_s": ("`rcbs status`", "s"), "ledger_bytes": ("SQLite for a media file", "bytes"),
}

PEER = "the best of the others"


class Goal(NamedTuple):
    figure: str
    limit: float
    # What it is a multiple of: `PEER`, or our own figure of the workload of that name; none for the figure itself.
    of: Optional[str]

    def unit(self):
        return "x" if self.of else NAMES[self.figure][1]

    def title(self):
        return NAMES[self.figure][0] + (f" / that of {self.of}" if self.of and not self.is_beside_others() else "")

    def is_beside_others(self):
        return self.of == PEER


def ratio(figure, limit):
    """At most so many times the best of the others."""
    return Goal(figure, limit, PEER)


def most(figure, limit):
    """At most so much."""
    return Goal(figure, limit, None)


def goals(wall, cpu, rss_mb):
    """The three that most workloads have."""
    return [ratio("wall_s", wall), ratio("cpu_s", cpu), most("rss_mb", rss_mb)]
