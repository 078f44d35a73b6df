#!/usr/bin/env python3
"""Draws the figure of the chapter on 8 bits: docs/src/figures/codes.svg. Run it again after a change: `python3 docs/figures_int8.py`."""

from figures import BLUE, GREY, INK, ORANGE, Svg
from worked_int8 import WEIGHTS, quantise

ROW = WEIGHTS["second"]
LEFT, WIDTH, LIMIT = 40, 640, 0.0135


def x(value):
    return LEFT + WIDTH * (value + LIMIT) / (2 * LIMIT)


def line(svg, y, title, largest, labelled):
    """One number line: the codes as ticks, the row's numbers above it, and where each goes."""
    codes, step = quantise(ROW, largest)
    svg.text(LEFT, y - 76, title, size=14)
    svg.line(LEFT, y, LEFT + WIDTH, y, GREY)
    most = int(LIMIT / step) if largest else 127
    for code in range(-most, most + 1):
        svg.line(x(code * step), y, x(code * step), y + (12 if code in labelled else 8), GREY, 1 if largest else 0.5)
        if code in labelled:
            svg.text(x(code * step), y + 28, f"{code}".replace("-", "−"), "middle", BLUE, 13)
    for number, code in zip(ROW, codes):
        svg.parts.append(f'<circle cx="{x(number):.1f}" cy="{y - 34}" r="5" fill="{ORANGE}"/>')
        svg.text(x(number), y - 46, f"{number:.3f}".replace("-", "−"), "middle", ORANGE, 13)
        svg.line(x(number), y - 29, x(code * step), y - 1, ORANGE, 1.5)
    return step


def codes():
    svg = Svg(720, 330, "Four weights between the codes of a coarse step, and between those of a fine one")
    first = max(abs(value) for value in WEIGHTS["first"])
    y = 112
    step = quantise(ROW, first)[1]
    svg.rect(x(0.5 * step), y - 8, x(1.5 * step) - x(0.5 * step), 8, "#cfe0f3")
    line(svg, y, "with the step of the first output, 0.00409 (blue: half a step either way, all that becomes 1)", first, range(-3, 4))
    line(svg, 262, "with a step of its own, 0.00008661", None, (-127, -46, 0, 69, 104, 127))
    svg.text(LEFT + WIDTH / 2, 318, "orange: the weights of the second output; below the line: the codes", "middle", INK, 13)
    svg.save("codes.svg")


if __name__ == "__main__":
    codes()
