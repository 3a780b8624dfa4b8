"""The page: ratios with the targets beside them, then every figure, then notes that people wrote."""

import os

import chart
from clients import OURS
from many import SIZES

# What stands behind this line of the page is kept as it is.
NOTES = "<!-- From here on the page is written by hand, and kept by `make bench`. -->"
CHART = "benchmarks-growth.svg"
NO_NOTES = "\n## Notes\n\nNone yet.\n"

HEAD = """# Benchmarks

<!-- Written by `make bench`; change bench/ instead. -->

rcbs beside what one would take instead, on the same objects from the same servers. rcbs does its whole job in every run: it asks
the recording API, makes a folder and a metadata file for each recording, joins envelope and ciphertext, computes SHA-256, compares what the
store tells of the content, flushes, and enters everything into its ledger. The others list a bucket and copy it. Nothing of rcbs is
turned off or set for a benchmark; where a number of connections stands behind a name, it was the fastest of those tried for that client.
"""

HOW = """## How it was measured

Client and servers share one machine and loopback. What is served lies in memory, and so does what is written, except in `voice-disk`. The
clients take turns in every round, another one first each time; after three rounds two more are run where rcbs lies within a
quarter of a target or of another client. A ratio is rcbs over the best of the others in the same round, and the best is taken
for each figure by itself; the table shows the median (least - most) of the rounds. Processor time and memory are those of the client alone; MB = 10^6
bytes. The 40 ms of `voice-far` are a relay that holds every byte back: it has no loss and no slow start, so it compares how clients
use many connections and forecasts no real line. The same workload an hour later may take half as long again for everybody: only
figures of one row compare, and less than a quarter is a tie. curl is given a list of addresses: it neither lists nor signs, and no target is held against it.
"""


def page(workloads, found, scale, notes):
    """The text of the page, and the chart of growth or none."""
    ran = [(workload, found[workload.name]) for workload in workloads if found[workload.name]]
    growth = growth_of(found)
    parts = [HEAD]
    if scale != 1:
        parts.append(f"**Everything in this run is {scale:g} times as large as it should be: no target applies.**\n")
    parts += [targets(ran, found), left_out(workloads, found), growth_section(growth), details(ran), where(ran), HOW]
    text = "\n".join(part for part in parts if part) + "\n" + NOTES + notes
    return text, chart.growth(growth) if len(growth) > 1 else None


def kept_notes(path):
    """What people wrote below the line."""
    if not path or not os.path.exists(path):
        return NO_NOTES
    with open(path) as file:
        return file.read().partition(NOTES)[2] or NO_NOTES


def write(path, text, drawn):
    with open(path, "w") as file:
        file.write(text)
    if drawn:
        with open(os.path.join(os.path.dirname(path), CHART), "w") as file:
            file.write(drawn)


def targets(ran, found):
    rows = [row for workload, results in ran if results.runs for row in rows_of(workload, results, found)]
    met = sum(row[-1] == "met" for row in rows)
    table = markdown(["workload", "figure", "beside", "rcbs", "target", ""], rows)
    return f"## Targets\n\n{met} of {len(rows)} are met.\n\n{table}"


def rows_of(workload, results, found):
    for goal in workload.goals:
        reached = results.reached(goal, found.get)
        if reached is None:
            # Ours may be known and what it is held against not.
            reason = ["not measured", bound(goal), "**open**"] if results.ours() else ["not done", bound(goal), "**missed**"]
            yield [workload.name, goal.title(), "", *reason]
            continue
        beside = results.best(goal.figure) if goal.is_beside_others() else ""
        verdict = "met" if reached.median <= goal.limit else "**missed**"
        yield [workload.name, goal.title(), beside or "", spread(reached, goal.unit()), bound(goal), verdict]


def bound(goal):
    return f"<= {number(goal.limit)} {goal.unit()}".rstrip()


def left_out(workloads, found):
    """What stands in no table, and why."""
    never = [f"`{workload.name}`" for workload in workloads if found[workload.name] is None]
    lines = [f"- Not run: {', '.join(never)}."] if never else []
    for workload in workloads:
        results = found[workload.name]
        if results is None:
            continue
        if "left_out" in results.about:
            lines.append(f"- `{workload.name}` was left out: {results.about['left_out']}.")
        elif wrong := [run for run in results.runs if run["wrong"]]:
            lines += [f"- `{workload.name}`, round {run['round']}, {run['client']}: not counted, {run['wrong']}." for run in wrong]
    return "**Not whole:**\n\n" + "\n".join(lines) + "\n" if lines else ""


def growth_of(found):
    """Number of recordings, wall, processor time and memory of each size that was run."""
    points = []
    for size in SIZES:
        results = found.get(f"growth-{size}")
        if results and results.ours():
            count = results.whole()[0]["objects"]
            points.append((count, *(results.spread(OURS, figure).median for figure in ("wall_s", "cpu_s", "rss_mb"))))
    return points


def growth_section(points):
    if not points:
        return ""
    rows = [[f"{count:,}", f"{wall:.2f}", f"{cpu:.2f}", f"{rss:.1f}", f"{wall / count * 1e6:.0f}", f"{cpu / count * 1e6:.0f}"]
            for count, wall, cpu, rss in points]
    columns = ["recordings", "wall s", "CPU s", "peak RSS MB", "wall us a recording", "CPU us a recording"]
    table = markdown(columns, rows)
    picture = f"![Wall time, processor time and memory by the number of recordings]({CHART})\n\n" if len(points) > 1 else ""
    return f"## Growth\n\nBackups of recordings with a media file of 1 KB each, 10,000 a day, into an empty archive in memory.\n\n{picture}{table}"


def details(ran):
    parts = ["## Every client\n"]
    for workload, results in ran:
        if not results.whole() or workload.name.startswith("growth"):
            continue
        some = results.whole()[0]
        loads = sorted(run["load"] for run in results.whole())
        parts.append(f"**{workload.name}**: {workload.title}. {some['objects']:,} files, {some['mb']:,.0f} MB; rounds: {results.rounds()}; "
                     f"load average before a run {loads[0]:.1f} - {loads[-1]:.1f}\n")
        rows = [client_row(results, label, some) for label in results.clients()]
        columns = ["client", "wall s", "CPU s (user + system)", "peak RSS MB", "files/s", "MB/s"]
        parts.append(markdown(columns, rows))
    return "\n".join(parts)


def client_row(results, label, some):
    wall, cpu, rss = (results.spread(label, figure) for figure in ("wall_s", "cpu_s", "rss_mb"))
    user, system = (results.spread(label, figure).median for figure in ("user_s", "system_s"))
    name = f"**{label}**" if label.split(" @")[0] == OURS else label
    rates = (some["objects"] / max(wall.median, 1e-3), some["mb"] / max(wall.median, 1e-3))
    return [name, spread(wall), f"{cpu.median:.2f} ({user:.2f} + {system:.2f})", f"{rss.median:.1f}", *(f"{rate:,.0f}" for rate in rates)]


def where(ran):
    """On what, and with what; a line more where results were kept of another day or commit."""
    groups = {}
    for workload, results in ran:
        about = {name: value for name, value in results.about.items() if name != "left_out"}
        groups.setdefault(repr(sorted(about.items())), (about, []))[1].append(workload.name)
    parts = ["## Where\n"]
    for about, names in groups.values():
        versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
        parts.append(f"- {about['date']}, commit {about['commit']}: {', '.join(names)}\n"
                     f"  - {about['machine']}; {about['system']}; {about['folders']}\n  - {versions}")
    return "\n".join(parts) + "\n"


def spread(found, unit=""):
    middle, least, most = map(number, found)
    return f"{middle} ({least} - {most}) {unit}".rstrip()


def number(value):
    """With as many digits as mean something."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def markdown(columns, rows):
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"
