#!/usr/bin/env python3
"""Draws the plots of the chapter on optimizers: docs/src/figures/{valley,schedules}.svg. Run it again after a
change: `python3 docs/figures_optimizers.py`.
"""

import math

from figures import BLUE, GREEN, GREY, ORANGE, PALE, VIOLET, Axes, Svg
from worked_optimizers import cosine, google_linear, linear, one_cycle, valley as descend


def valley():
    svg = Svg(720, 330, "Twenty steps down a long valley, with and without momentum")
    axes = Axes(svg, 50, 50, 640, 215, (-1, 11.5), (-1.3, 1.3))
    axes.frame([0, 2, 4, 6, 8, 10], [-1, 0, 1], "a")
    for level in (2, 10, 30, 62.5):
        turn = [2 * math.pi * i / 120 for i in range(121)]
        wide, high = math.sqrt(2 * level), math.sqrt(2 * level / 25)
        points = [(wide * math.cos(t), high * math.sin(t)) for t in turn]
        points = [(a, b) for a, b in points if -1 <= a <= 11.5 and -1.3 <= b <= 1.3]
        points.sort(key=lambda point: math.atan2(point[1] * 5, point[0]))
        svg.curve([(axes.x(a), axes.y(b)) for a, b in points], PALE, 1)
    for momentum, colour, x, name in [(0.0, BLUE, 50, "plain"), (0.7, ORANGE, 170, "momentum 0.7")]:
        points = [(axes.x(a), axes.y(b)) for a, b in descend(0.03, momentum, 20)]
        svg.curve(points, colour)
        for px, py in points:
            svg.parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{colour}"/>')
        svg.line(x, 26, x + 28, 26, colour, 3)
        svg.text(x + 34, 31, name, size=13)
    svg.text(690, 31, "b upwards; grey: equal loss", "end", GREY, 13)
    svg.save("valley.svg")


def schedules():
    svg = Svg(720, 520, "Four schedules of the learning rate over 100 steps, and the momentum of the one-cycle")
    axes = Axes(svg, 50, 70, 640, 230, (0, 100), (0, 1.05))
    axes.frame([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100], [0, 0.5, 1], "step, of 100 with 10 of warm-up")
    legend = [
        ("linear", BLUE, "", lambda s: linear(s, 10, 100)),
        ("linear, Google's", GREEN, "6 4", lambda s: google_linear(s, 10, 100)),
        ("cosine", VIOLET, "", lambda s: cosine(s, 10, 100)),
        ("one-cycle", ORANGE, "", lambda s: one_cycle(s, 100)[0]),
    ]
    for (name, colour, dash, factor), x in zip(legend, (50, 150, 320, 430)):
        axes.plot(factor, colour, dash, step=0.25)
        svg.line(x, 46, x + 28, 46, colour, 3, dash)
        svg.text(x + 34, 51, name, size=13)
    svg.text(50, 24, "what the peak learning rate is multiplied by", size=13)
    below = Axes(svg, 50, 385, 640, 80, (0, 100), (0.83, 0.97))
    svg.text(50, 372, "momentum of the one-cycle", size=13)
    below.frame([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100], [0.85, 0.95], "step")
    below.plot(lambda s: one_cycle(s, 100)[1], ORANGE, step=0.25)
    svg.save("schedules.svg")


if __name__ == "__main__":
    for draw in (valley, schedules):
        draw()
