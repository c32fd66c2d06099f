"""A bar chart as SVG, without any library: one group of bars for each workload."""

from xml.sax.saxutils import escape

WIDTH, BAR, GAP, LEFT, TOP = 720, 16, 14, 90, 40
COLOURS = {"placard": "#1f6f5c", "echo": "#c9cdd2"}
OTHERS = "#8a94a6"


def draw(costs):
    """`costs`: {workload: {server: microseconds an answer}}."""
    lines, y = [], TOP
    for what, cost in costs.items():
        most = max(cost.values())
        lines.append(f'<text x="0" y="{y + 12}" font-weight="bold">{escape(what)}</text>')
        y += 20
        for name, value in sorted(cost.items(), key=lambda each: each[1]):
            length = (WIDTH - LEFT - 60) * value / most
            lines.append(f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>'
                         f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 2}" fill="{COLOURS.get(name, OTHERS)}"/>'
                         f'<text x="{LEFT + length + 6:.1f}" y="{y + 12}">{value:.1f}</text>')
            y += BAR
        y += GAP
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" font-family="sans-serif" font-size="12">'
            f'<rect width="{WIDTH}" height="{y}" fill="white"/>'
            f'<text x="0" y="16" font-size="14">Microseconds of processor time an answer, one worker (less is better)</text>')
    return "\n".join([head, *lines, "</svg>", ""])
