#!/usr/bin/env python3
"""Draws the figure of the chapter on checkpoints: docs/src/figures/checkpoint_timeline.svg.
Run it again after a change: `python3 docs/figures_checkpoints.py`. Standard library only.
"""

from figures import BLUE, GREEN, GREY, INK, ORANGE, PALE, Svg

# What happens, how wide it is drawn, what is on the disk, where a killed run goes on, and after a power failure.
WHOLE, HALF = "whole", "half"
PHASES = [
    ("steps", 105, [("step-1000", WHOLE), ("step-2000", WHOLE)], "2000", "2000"),
    ("write and flush each file", 190, [("step-1000", WHOLE), ("step-2000", WHOLE), (".step-3000.tmp", HALF)], "2000", "2000"),
    ("flush the folder", 130, [("step-1000", WHOLE), ("step-2000", WHOLE), ("step-3000", WHOLE)], "3000", "2000 or 3000"),
    ("delete the oldest", 130, [(".going.tmp", HALF), ("step-2000", WHOLE), ("step-3000", WHOLE)], "3000", "3000"),
    ("steps", 105, [(), ("step-2000", WHOLE), ("step-3000", WHOLE)], "3000", "3000"),
]
LEFT, TOP = 122, 58


def timeline():
    svg = Svg(800, 330, "A save, and what is on the disk if the process dies in it")
    svg.text(LEFT - 14, TOP + 21, "what happens", "end", GREY, 13)
    svg.text(LEFT - 14, TOP + 104, "on the disk", "end", GREY, 13)
    svg.text(LEFT - 14, TOP + 196, "killed here,", "end", GREY, 13)
    svg.text(LEFT - 14, TOP + 212, "goes on from", "end", GREY, 13)
    svg.text(LEFT - 14, TOP + 245, "power fails here,", "end", GREY, 13)
    svg.text(LEFT - 14, TOP + 261, "goes on from", "end", GREY, 13)
    x = LEFT
    for number, (what, width, disk, killed, power) in enumerate(PHASES):
        middle = x + width / 2
        saving = what != "steps"
        svg.rect(x, TOP, width - 2, 32, BLUE if saving else PALE)
        svg.text(middle - 1, TOP + 21, what, "middle", "#ffffff" if saving else INK, 13)
        for row, entry in enumerate(disk):
            if entry:
                name, state = entry
                y = TOP + 58 + 34 * row
                svg.rect(x + 4, y, width - 10, 26, "#e7f2ea" if state == WHOLE else "#ffffff", GREEN if state == WHOLE else GREY)
                svg.text(middle - 1, y + 17, name, "middle", INK if state == WHOLE else GREY, 13)
        svg.text(middle - 1, TOP + 204, killed, "middle", GREEN, 15)
        svg.text(middle - 1, TOP + 253, power, "middle", GREEN, 15)
        if number == 2:
            svg.line(x - 1, TOP - 14, x - 1, TOP + 266, ORANGE, 2, "5 4")
            svg.text(x - 1, TOP - 22, "rename", "middle", ORANGE, 14)
        x += width
    svg.text(LEFT, 22, "time →", "start", GREY, 13)
    svg.line(LEFT, TOP + 174, x - 2, TOP + 174, PALE)
    svg.line(LEFT, TOP + 224, x - 2, TOP + 224, PALE)
    svg.save("checkpoint_timeline.svg")


if __name__ == "__main__":
    timeline()
