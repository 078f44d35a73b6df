#!/usr/bin/env python3
"""Draws the ladder of the chapter on tiny world from the figures in its text (a test recomputes those):
docs/src/figures/ladder.svg. Run it again after a change: `python3 docs/figures_tiny_world.py`.
"""

import re

from figures import BLUE, FOLDER, GREY, ORANGE, PALE, Svg

SEEN = {
    "uniform": "nothing",
    "unigram": "how often words are masked",
    "position only": "where it stands",
    "left context only": "what stands before",
    "order ignored": "everything but the order",
    "optimum": "everything",
}


def rungs():
    text = (FOLDER.parent / "tiny_world.md").read_text(encoding="utf-8")
    table = text.split("always [MASK]   80/10/10\n")[1].split("```")[0]
    return re.findall(r"^(.+?)  +(\d\.\d+)", table, re.MULTILINE)


def ladder():
    svg = Svg(720, 290, "The ladder: the best possible loss for readers who see more and more")
    left, width, most = 290, 370, 6.0
    for tick in range(7):
        x = left + width * tick / most
        svg.line(x, 20, x, 245, PALE)
        svg.text(x, 262, str(tick), "middle", GREY, 12)
    svg.text(left + width / 2, 282, "nats per masked word", "middle", GREY, 13)
    for row, (name, loss) in enumerate(rungs()):
        y = 28 + 37 * row
        svg.text(278, y + 10, name, "end")
        svg.text(278, y + 25, f"sees {SEEN[name]}", "end", GREY, 12)
        length = width * float(loss) / most
        svg.rect(left, y, length, 22, ORANGE if name == "optimum" else BLUE)
        inside = length > 300
        svg.text(left + length + (-8 if inside else 8), y + 16, loss, "end" if inside else "start", "#ffffff" if inside else GREY, 13)
    svg.save("ladder.svg")


if __name__ == "__main__":
    ladder()
