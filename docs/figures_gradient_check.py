#!/usr/bin/env python3
"""Draws docs/src/figures/gradient_valley.svg: what `bert gradcheck --tensor` says, in f32 and in f64. Run it again
after a change: `python3 docs/figures_gradient_check.py`. It builds and runs the program twice.
"""

import json
import math
import subprocess

from figures import BLUE, FOLDER, GREY, ORANGE, Axes, Svg

TENSOR = "bert.embeddings.LayerNorm.weight"


def errors(*options):
    command = ["cargo", "run", "--release", "--quiet", *options, "--", "gradcheck", "--head", "masked_lm", "--tensor", TENSOR, "--json"]
    output = subprocess.run(command, cwd=FOLDER.parent.parent.parent, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def points(lines, formula):
    """(log10 of the step, log10 of the error); a step that rounding swallows has no error (null)."""
    pairs = [(line["step"], line[formula]) for line in lines if line[formula]]
    return [(math.log10(step), math.log10(error)) for step, error in pairs if error > 0]


def main():
    narrow, wide = errors(), errors("--features", "f64", "--target-dir", "target/f64")
    svg = Svg(720, 410, "The error of finite differences over the size of the step: four valleys")
    axes = Axes(svg, 60, 70, 630, 290, (-8, 0), (-13, 1))
    axes.frame(range(-8, 1, 2), range(-12, 1, 2), "size of the step, as a power of ten")
    names = [
        ("f32, central", narrow, "central", ORANGE, ""),
        ("f32, four points", narrow, "four_points", ORANGE, "6 4"),
        ("f64, central", wide, "central", BLUE, ""),
        ("f64, four points", wide, "four_points", BLUE, "6 4"),
    ]
    for (name, lines, formula, colour, dash), x in zip(names, (60, 200, 370, 510)):
        svg.curve([(axes.x(a), axes.y(b)) for a, b in points(lines, formula)], colour, 2, dash)
        svg.line(x, 46, x + 28, 46, colour, 3, dash)
        svg.text(x + 34, 51, name, size=13)
    svg.text(60, 24, "error of the gradient, as a power of ten", "start", GREY, 13)
    svg.save("gradient_valley.svg")


if __name__ == "__main__":
    main()
