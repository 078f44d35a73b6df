#!/usr/bin/env python3
"""Draws the book's plots: docs/src/figures/{sinusoids,position_tables,position_similarity,gelu,
attention_weights,parameters}.svg. Run it again after a change: `python3 docs/figures.py`.

The diagrams beside them (boxes and arrows) are written by hand. Standard library only.
"""

import math
import random
from pathlib import Path

from worked_numbers import (
    DOG_BITES_MAN, W_K, columns, gelu_exact, gelu_tanh, matmul, silu, sinusoid, softmax, transpose,
)

FOLDER = Path(__file__).parent / "src" / "figures"
INK, GREY, PALE = "#222222", "#767676", "#dddddd"
BLUE, ORANGE, GREEN, VIOLET = "#2563a8", "#c4560d", "#2f7d43", "#7b3fa0"


class Svg:
    """A drawing on a white ground."""

    def __init__(self, width, height, title):
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
            f' height="{height}" font-family="Helvetica, Arial, \'DejaVu Sans\', sans-serif"'
            f' font-size="14" fill="{INK}" role="img">',
            f"<title>{title}</title>",
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        ]

    def text(self, x, y, text, anchor="start", color=INK, size=14, extra=""):
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}" font-size="{size}"{extra}>{text}</text>'
        )

    def line(self, x1, y1, x2, y2, color=GREY, width=1, dash=""):
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{color}" stroke-width="{width}"{dashed}/>'
        )

    def curve(self, points, color, width=2, dash=""):
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        self.parts.append(
            f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="{width}"{dashed}/>'
        )

    def rect(self, x, y, width, height, fill, stroke="none"):
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}" stroke="{stroke}"/>'
        )

    def save(self, name):
        (FOLDER / name).write_text("\n".join(self.parts) + "\n</svg>\n", encoding="utf-8")


class Axes:
    """Maps numbers to a rectangle of the drawing."""

    def __init__(self, svg, left, top, width, height, x_range, y_range):
        self.svg, self.x_range, self.y_range = svg, x_range, y_range
        self.left, self.top, self.width, self.height = left, top, width, height

    def x(self, value):
        low, high = self.x_range
        return self.left + self.width * (value - low) / (high - low)

    def y(self, value):
        low, high = self.y_range
        return self.top + self.height * (high - value) / (high - low)

    def frame(self, x_ticks, y_ticks, x_label, y_format="{:g}"):
        for tick in y_ticks:
            self.svg.line(self.left, self.y(tick), self.left + self.width, self.y(tick), PALE)
            label = y_format.format(tick).replace("-", "−")
            self.svg.text(self.left - 8, self.y(tick) + 4, label, "end", GREY, 12)
        for tick in x_ticks:
            label = f"{tick:g}".replace("-", "−")
            self.svg.text(self.x(tick), self.top + self.height + 18, label, "middle", GREY, 12)
        middle = self.left + self.width / 2
        self.svg.text(middle, self.top + self.height + 38, x_label, "middle", GREY, 13)

    def plot(self, function, color, dash="", step=0.02):
        low, high = self.x_range
        count = round((high - low) / step)
        values = [low + i * step for i in range(count + 1)]
        self.svg.curve([(self.x(v), self.y(function(v))) for v in values], color, 2, dash)


def shade(value, limit):
    """Blue below zero, white at zero, orange above."""
    part = max(-1.0, min(1.0, value / limit))
    r, g, b = (196, 86, 13) if part > 0 else (37, 99, 168)
    mix = lambda colour: round(255 + (colour - 255) * abs(part))
    return f"#{mix(r):02x}{mix(g):02x}{mix(b):02x}"


def heat_map(svg, rows, left, top, size, limit):
    """One path for each shade keeps the file small."""
    levels = {}
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            colour = shade(round(10 * value / limit) / 10, 1.0)
            levels.setdefault(colour, []).append(f"M{left + c * size} {top + r * size}h{size}v{size}h-{size}z")
    for colour, squares in sorted(levels.items()):
        svg.parts.append(f'<path fill="{colour}" d="{"".join(squares)}"/>')
    svg.rect(left, top, size * len(rows[0]), size * len(rows), "none", GREY)


def sinusoids():
    width = 32
    svg = Svg(720, 330, "Four columns of the sinusoidal position table, positions 0 to 63")
    axes = Axes(svg, 50, 50, 640, 215, (0, 63), (-1.1, 1.1))
    axes.frame([0, 10, 20, 30, 40, 50, 60], [-1, 0, 1], "position")
    for (column, colour), x in zip([(0, ORANGE), (4, BLUE), (8, GREEN), (12, VIOLET)], (50, 215, 380, 545)):
        wave = lambda p, i=column // 2: math.sin(p / 10000 ** (2 * i / width))
        axes.plot(wave, colour, step=0.1)
        length = 2 * math.pi * 10000 ** (column / width)
        svg.line(x, 26, x + 24, 26, colour, 3)
        svg.text(x + 30, 31, f"column {column}, wave {length:.0f}", size=13)
    svg.save("sinusoids.svg")


def fresh_table(rows, width):
    random.seed(3)
    return [[random.gauss(0, 0.02) for _ in range(width)] for _ in range(rows)]


def position_tables():
    rows, width, size = 40, 32, 9
    svg = Svg(720, 470, "A sinusoidal position table and a freshly initialised learned one")
    for left, title, values, limit, note in [
        (50, "sinusoidal", [sinusoid(p, width) for p in range(rows)], 1.0, "from −1 to 1, fixed by a formula"),
        (390, "learned, before training", fresh_table(rows, width), 0.06, "normal numbers with spread 0.02"),
    ]:
        svg.text(left + width * size / 2, 26, title, "middle", size=15)
        heat_map(svg, values, left, 40, size, limit)
        for p in (0, 10, 20, 30):
            svg.text(left - 6, 40 + p * size + 9, str(p), "end", GREY, 12)
        svg.text(left + width * size / 2, 40 + rows * size + 22, f"{width} columns", "middle", GREY, 13)
        svg.text(left + width * size / 2, 40 + rows * size + 42, note, "middle", GREY, 13)
    svg.text(16, 40 + rows * size / 2, "position", "middle", GREY, 13, f' transform="rotate(-90 16 {40 + rows * size / 2})"')
    svg.save("position_tables.svg")


def position_similarity():
    width, here = 32, 32
    svg = Svg(720, 340, "How alike the vector of position 32 is to those of all other positions")
    axes = Axes(svg, 60, 50, 630, 220, (0, 63), (-0.6, 1.05))
    axes.frame([0, 16, 32, 48, 63], [-0.5, 0, 0.5, 1], "position", "{:g}")
    for values, colour, name, x in [
        ([sinusoid(p, width) for p in range(64)], ORANGE, "sinusoidal", 60),
        (fresh_table(64, width), BLUE, "learned, before training", 200),
    ]:
        size = lambda v: math.sqrt(sum(a * a for a in v))
        cosine = [
            sum(a * b for a, b in zip(v, values[here])) / size(v) / size(values[here]) for v in values
        ]
        svg.curve([(axes.x(p), axes.y(c)) for p, c in enumerate(cosine)], colour)
        svg.line(x, 26, x + 24, 26, colour, 3)
        svg.text(x + 30, 31, name, size=13)
    svg.text(690, 31, "cosine with position 32", "end", GREY, 13)
    svg.save("position_similarity.svg")


def gelu():
    svg = Svg(720, 560, "GELU, SiLU and ReLU, and the difference between the two forms of GELU")
    axes = Axes(svg, 70, 50, 620, 230, (-4, 4), (-0.5, 4))
    axes.frame([-4, -3, -2, -1, 0, 1, 2, 3, 4], [0, 1, 2, 3, 4], "x")
    axes.plot(lambda x: max(x, 0.0), GREY, "6 4")
    axes.plot(silu, GREEN)
    axes.plot(gelu_exact, ORANGE)
    axes.plot(gelu_tanh, BLUE, "3 5")
    legend = [("GELU, exact", ORANGE, ""), ("GELU, tanh form", BLUE, "3 5"), ("SiLU", GREEN, ""), ("ReLU", GREY, "6 4")]
    for (name, colour, dash), x in zip(legend, (70, 220, 400, 500)):
        svg.line(x, 26, x + 28, 26, colour, 3, dash)
        svg.text(x + 34, 31, name, size=13)
    below = Axes(svg, 70, 370, 620, 130, (-4, 4), (-0.0006, 0.0006))
    svg.text(70, 357, "tanh form − exact form, enlarged about 2000 times", size=13)
    below.frame([-4, -3, -2, -1, 0, 1, 2, 3, 4], [-0.0005, 0, 0.0005], "x", "{:.4f}")
    below.plot(lambda x: gelu_tanh(x) - gelu_exact(x), VIOLET)
    svg.save("gelu.svg")


def attention_weights():
    words, size = ["dog", "bites", "man"], 62
    svg = Svg(620, 300, "The attention probabilities of the worked example, both heads")
    keys = matmul(DOG_BITES_MAN, transpose(W_K))
    for head, left in enumerate((80, 390)):
        part = lambda m: columns(m, 2 * head, 2 * head + 2)
        scores = matmul(part(DOG_BITES_MAN), transpose(part(keys)))
        svg.text(left + 1.5 * size, 26, f"head {head}", "middle", size=15)
        for r, row in enumerate(scores):
            svg.text(left - 10, 85 + r * size + size / 2 + 4, words[r], "end", size=13)
            svg.text(left + r * size + size / 2, 74, words[r], "middle", size=13)
            for c, share in enumerate(softmax([s / math.sqrt(2) for s in row])):
                svg.rect(left + c * size, 85 + r * size, size, size, shade(share, 1.3), PALE)
                svg.text(left + (c + 0.5) * size, 85 + (r + 0.5) * size + 5, f"{share:.3f}", "middle")
        svg.text(left + 1.5 * size, 52, "to (key)", "middle", GREY, 12)
        svg.text(left + 1.5 * size, 85 + 3 * size + 22, "each row sums to 1", "middle", GREY, 12)
    svg.text(20, 85 + 1.5 * size, "from (query)", "middle", GREY, 12, f' transform="rotate(-90 20 {85 + 1.5 * size})"')
    svg.save("attention_weights.svg")


def parameters():
    parts = [
        ("word embeddings", 23_440_896, ORANGE),
        ("positions, types, LayerNorm", 396_288, GREY),
        ("12 × attention", 12 * (2_362_368 + 1_536), BLUE),
        ("12 × feed-forward", 12 * (4_722_432 + 1_536), GREEN),
        ("pooler", 590_592, VIOLET),
    ]
    total = sum(count for _, count, _ in parts)
    svg = Svg(720, 250, "Where the 109 million parameters of BERT-base are")
    scale, top = 330 / max(count for _, count, _ in parts), 20
    for name, count, colour in parts:
        svg.text(210, top + 21, name, "end", size=13)
        svg.rect(220, top + 4, max(1.5, count * scale), 24, colour)
        svg.text(228 + count * scale, top + 21, f"{count / 1e6:.1f} million, {100 * count / total:.0f} %", size=13)
        top += 42
    svg.text(220, top + 16, f"together {total:,}", color=GREY, size=13)
    svg.save("parameters.svg")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for draw in (sinusoids, position_tables, position_similarity, gelu, attention_weights, parameters):
        draw()
