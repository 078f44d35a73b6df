#!/usr/bin/env python3
"""Draws the figures of the chapters on weights: docs/src/figures/{index_file,zip_file,strides}.svg.
Run it again after a change: `python3 docs/figures_weights.py`. Standard library only.
"""

from figures import BLUE, GREEN, GREY, INK, ORANGE, PALE, VIOLET, Svg


def strip(svg, left, top, width, parts, colors):
    """Parts of a file, (name, first byte, byte after the last), drawn equally high and not to scale."""
    x = left
    places = {}
    for (name, start, end, share), color in zip(parts, colors):
        svg.rect(x, top, width * share - 2, 40, color)
        svg.text(x + width * share / 2 - 1, top + 25, name, "middle", "#ffffff", 14)
        svg.text(x, top + 58, str(start), "start", GREY, 12)
        places[name] = (x, x + width * share - 2)
        x += width * share
    svg.text(x - 2, top + 58, str(parts[-1][2]), "end", GREY, 12)
    return places


def arrow(svg, x1, x2, y, depth, label, color):
    """From above x1 to above x2, the way round over the strip."""
    svg.curve([(x1, y), (x1, y - depth), (x2, y - depth), (x2, y - 7)], color, 1.5)
    svg.curve([(x2 - 4, y - 9), (x2, y - 1), (x2 + 4, y - 9)], color, 1.5)
    svg.text((x1 + x2) / 2, y - depth - 6, label, "middle", color, 13)


def index_file():
    svg = Svg(760, 175, "The 160 bytes of an index, read from the end")
    parts = [("data block", 0, 80, 0.40), ("meta", 80, 93, 0.12), ("index block", 93, 112, 0.22), ("footer", 112, 160, 0.26)]
    places = strip(svg, 30, 90, 700, parts, [GREEN, GREY, BLUE, ORANGE])
    arrow(svg, places["footer"][0] + 60, places["index block"][0] + 60, 90, 22, "“93, 14 bytes”", ORANGE)
    arrow(svg, places["index block"][0] + 20, places["data block"][0] + 120, 90, 52, "“0, 75 bytes”", BLUE)
    svg.text(places["data block"][0] + 4, 168, "names, shapes, places, checksums", "start", INK, 13)
    svg.save("index_file.svg")


def zip_file():
    svg = Svg(760, 175, "The 783 bytes of PyTorch's file, read from the end")
    parts = [
        ("data.pkl", 0, 254, 0.24), ("data/0", 254, 360, 0.16), ("version", 360, 466, 0.14),
        ("list of entries", 466, 685, 0.24), ("ends", 685, 783, 0.22),
    ]
    places = strip(svg, 30, 90, 700, parts, [GREEN, BLUE, GREY, VIOLET, ORANGE])
    arrow(svg, places["ends"][0] + 70, places["list of entries"][0] + 90, 90, 22, "“466, 3 entries”", ORANGE)
    arrow(svg, places["list of entries"][0] + 20, places["data/0"][0] + 60, 90, 40, "“254”", VIOLET)
    arrow(svg, places["list of entries"][0] + 50, places["data.pkl"][0] + 60, 90, 62, "“0”", VIOLET)
    svg.text(places["data.pkl"][0] + 4, 168, "the program", "start", INK, 13)
    svg.text(places["data/0"][0] + 4, 168, "the numbers", "start", INK, 13)
    svg.save("zip_file.svg")


def strides():
    numbers = ["1", "−2", "0", "0", "0.5", "3"]
    svg = Svg(760, 270, "Six numbers in a file, read with two pairs of strides")
    svg.text(30, 32, "in the file", "start", GREY, 13)
    for place, number in enumerate(numbers):
        x = 130 + 60 * place
        svg.rect(x, 14, 58, 30, PALE)
        svg.text(x + 29, 34, number, "middle", INK, 15)
        svg.text(x + 29, 60, str(place), "middle", GREY, 12)
    for left, title, rows, columns, down, right, color in [
        (60, "[3, 2] with the strides (2, 1)", 3, 2, 2, 1, BLUE), (430, "[2, 3] with the strides (1, 2)", 2, 3, 1, 2, ORANGE)
    ]:
        svg.text(left, 100, title, "start", color, 14)
        svg.text(left, 120, f"one row down: {down} further; one column on: {right} further", "start", GREY, 12)
        for row in range(rows):
            for column in range(columns):
                place = row * down + column * right
                x, y = left + 64 * column, 134 + 42 * row
                svg.rect(x, y, 60, 38, "#ffffff", color)
                svg.text(x + 30, y + 20, numbers[place], "middle", INK, 15)
                svg.text(x + 30, y + 33, str(place), "middle", GREY, 11)
    svg.save("strides.svg")


if __name__ == "__main__":
    index_file()
    zip_file()
    strides()
