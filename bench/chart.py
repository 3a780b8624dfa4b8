"""The chart of growth, as SVG that reads on light and dark ground."""

from math import ceil, floor, log10

WIDTH, HEIGHT = 860, 360
# Of each of the two panels: what stands around it, how large it is.
LEFT, TOP, PANEL_WIDTH, PANEL_HEIGHT, APART = 62, 44, 330, 250, 96

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .grid { stroke: #d0d7de; stroke-width: 1; }
  .line { fill: none; stroke-width: 2.5; }
  .wall { stroke: #0969da; fill: #0969da; } .cpu { stroke: #bc4c00; fill: #bc4c00; } .rss { stroke: #1a7f37; fill: #1a7f37; }
  .line { fill: none; } text.wall, text.cpu, text.rss { stroke: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .grid { stroke: #3d444d; }
    .wall { stroke: #4493f8; fill: #4493f8; } .cpu { stroke: #f0883e; fill: #f0883e; } .rss { stroke: #3fb950; fill: #3fb950; }
    .line { fill: none; }
  }
"""


def growth(points):
    """`points` are numbers of recordings with wall s, CPU s and peak MB. Both axes of both panels are logarithmic."""
    counts = [point[0] for point in points]
    walls, cpus, memories = ([point[at] for point in points] for at in (1, 2, 3))
    whole = [("wall", "wall s", walls), ("cpu", "CPU s", cpus), ("rss", "peak RSS MB", memories)]
    each = [(name, f"{title} us", [value / count * 1e6 for value, count in zip(values, counts)])
            for name, title, values in (("wall", "wall", walls), ("cpu", "CPU", cpus))]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-label="Wall time, processor time and memory of a backup, by the number of recordings">',
        f"<style>{STYLE}</style>",
        *panel(LEFT, "a backup", counts, whole),
        *panel(LEFT + PANEL_WIDTH + APART, "for each recording", counts, each),
        "</svg>\n",
    ])


def panel(left, title, counts, lines):
    across = Axis(counts, left, left + PANEL_WIDTH)
    upward = Axis([value for _, _, values in lines for value in values], TOP + PANEL_HEIGHT, TOP)
    bottom = TOP + PANEL_HEIGHT
    yield f'<text class="title" x="{left}" y="20">{title}</text>'
    for value, x in across.marks():
        yield f'<path class="grid" d="M{x:.1f} {TOP}V{bottom}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{label(value)}</text>'
    for value, y in upward.marks():
        yield f'<path class="grid" d="M{left} {y:.1f}H{left + PANEL_WIDTH}"/>'
        yield f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{label(value)}</text>'
    yield f'<text x="{left + PANEL_WIDTH / 2}" y="{bottom + 42}" text-anchor="middle">recordings</text>'
    for at, (name, title, values) in enumerate(lines):
        places = [(across.place(count), upward.place(value)) for count, value in zip(counts, values)]
        yield f'<path class="line {name}" d="M{" L".join(f"{x:.1f} {y:.1f}" for x, y in places)}"/>'
        yield from (f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in places)
        yield f'<text class="{name}" x="{left + 150 + at * 66}" y="20">{title}</text>'


class Axis:
    """Powers of ten, from the one below the least value to the one above the largest."""

    def __init__(self, values, begin, end):
        self.least = floor(log10(max(min(values), 1e-6)))
        self.most = max(ceil(log10(max(max(values), 1e-6))), self.least + 1)
        self.begin, self.end = begin, end

    def place(self, value):
        share = (log10(max(value, 1e-6)) - self.least) / (self.most - self.least)
        return self.begin + share * (self.end - self.begin)

    def marks(self):
        return [(10.0**power, self.place(10.0**power)) for power in range(self.least, self.most + 1)]


def label(value):
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
