#!/usr/bin/env python3
"""Draws the plots of the two chapters on speed: docs/src/figures/{memory,cache_lines,cache_misses,blocks,
panels,micro_tile,tiles,threads,steps,roofline,bert_flops}.svg. Run it again after a change: `python3 docs/figures_speed.py`.
"""

import math
import re

from figures import BLUE, FOLDER, GREEN, GREY, INK, ORANGE, PALE, Axes, Svg
from worked_speed import cache_misses, flops, intensity


def memory():
    """Sizes and waiting times: orders of magnitude of a server core of the 2020s."""
    rows = [
        ("registers", "2 KiB", "no wait", 90, ORANGE),
        ("L1 cache", "32–48 KiB", "about 5 cycles", 170, BLUE),
        ("L2 cache", "1–2 MiB", "about 15 cycles", 280, BLUE),
        ("L3 cache", "tens of MiB, shared", "about 60 cycles", 410, BLUE),
        ("memory", "many GiB", "about 300 cycles", 560, GREY),
    ]
    svg = Svg(720, 320, "The memory hierarchy: the larger, the slower")
    for i, (name, size, wait, width, colour) in enumerate(rows):
        top, middle = 20 + i * 58, 290
        svg.rect(middle - width / 2, top, width, 44, "#ffffff", colour)
        svg.text(middle, top + 19, name, "middle", colour, 14)
        svg.text(middle, top + 37, size, "middle", INK, 12)
        svg.text(595, top + 27, wait, color=INK, size=13)
    svg.text(20, 45, "a core can take", color=GREY, size=13)
    svg.text(20, 62, "256 bytes in a cycle", color=GREY, size=13)
    svg.save("memory.svg")


def cache_lines():
    """An 8 × 32 matrix whose lines hold 16 numbers, walked along a row and down a column."""
    size, lines = 9, 16
    svg = Svg(720, 200, "A walk along a row uses each cache line sixteen times, a walk down a column once")
    for left, title, walked in [
        (40, "along a row: 32 steps, 2 lines fetched", lambda r, c: r == 3),
        (390, "down a column: 8 steps, 8 lines fetched", lambda r, c: c == 5),
    ]:
        svg.text(left, 28, title, size=14)
        fetched = {(r, c // lines) for r in range(8) for c in range(32) if walked(r, c)}
        for r in range(8):
            for c in range(32):
                colour = ORANGE if walked(r, c) else "#cfe0f3" if (r, c // lines) in fetched else "#ffffff"
                svg.rect(left + c * size, 44 + r * 16, size, 12, colour, PALE)
        for r in range(8):
            for half in range(2):
                svg.rect(left + half * lines * size, 44 + r * 16, lines * size, 12, "none", GREY)
    svg.text(40, 190, "orange: numbers that are used; blue: numbers that were fetched along with them; a frame is one line of 64 bytes", color=GREY, size=12)
    svg.save("cache_lines.svg")


def misses_plot():
    svg = Svg(720, 400, "Cache misses of a product of two 96 by 96 matrices, in a cache of 4 KiB")
    bars = [(f"loops {name}", cache_misses(name), BLUE) for name in ("jki", "kji", "jik", "ijk", "kij", "ikj")]
    bars += [(f"blocks {p} × {q}", cache_misses("blocks", p, q), GREEN) for p, q in ((32, 32), (8, 8), (16, 16), (16, 32))]
    bars += [("every line once", 3 * 96 * 96 * 4 // 64, GREY)]
    x = lambda value: 150 + 430 * math.log10(value / 1000) / math.log10(2000)
    for tick, label in [(1000, "1,000"), (10_000, "10,000"), (100_000, "100,000"), (1_000_000, "1,000,000")]:
        svg.line(x(tick), 14, x(tick), 356, PALE)
        svg.text(x(tick), 374, label, "middle", GREY, 12)
    for i, (name, value, colour) in enumerate(bars):
        top = 18 + i * 31
        svg.text(140, top + 16, name, "end", size=13)
        svg.rect(150, top, x(value) - 150, 22, colour)
        svg.text(x(value) + 8, top + 16, f"{value:,}", size=13)
    svg.text(365, 394, "misses; ten times as many from line to line", "middle", GREY, 13)
    svg.save("cache_misses.svg")


def matrix(svg, x, y, width, height, name, shape):
    svg.rect(x, y, width, height, "#ffffff", GREY)
    svg.text(x + width / 2, y - 10, name, "middle", size=15)
    svg.text(x + width / 2, y + height + 18, shape, "middle", GREY, 12)


def blocks():
    svg = Svg(720, 270, "A block of A and a block of B give a contribution to a piece of C")
    matrix(svg, 40, 40, 180, 190, "A", "[M, K]")
    matrix(svg, 270, 40, 180, 180, "B", "[K, N]")
    matrix(svg, 500, 40, 180, 190, "C", "[M, N]")
    svg.rect(100, 80, 60, 100, "#cfe0f3", BLUE)
    svg.text(130, 135, "MC × KC", "middle", BLUE, 12)
    svg.rect(320, 100, 50, 60, "#fbe3d0", ORANGE)
    svg.text(345, 135, "KC × NC", "middle", ORANGE, 11)
    svg.rect(550, 80, 50, 100, "#dcf0df", GREEN)
    svg.text(575, 135, "MC × NC", "middle", GREEN, 11)
    svg.text(245, 140, "·", "middle", size=24)
    svg.text(475, 140, "→", "middle", size=20)
    svg.text(475, 158, "adds to", "middle", GREY, 12)
    svg.text(130, 262, "pc → along K, ic ↓ along M", "middle", GREY, 12)
    svg.text(360, 262, "pc ↓ along K, jc → along N", "middle", GREY, 12)
    svg.save("blocks.svg")


def panels():
    """A block of B, 4 × 8, and its two panels of four columns."""
    svg = Svg(720, 250, "Packing: the numbers of a panel in the order in which they are read")
    colours = ["#fbe3d0", "#cfe0f3"]
    svg.text(40, 28, "a block of B in memory: the row ends elsewhere")
    for r in range(4):
        svg.rect(40, 44 + r * 34, 300, 26, "#ffffff", PALE)
        for c in range(8):
            svg.rect(60 + c * 30, 44 + r * 34, 30, 26, colours[c // 4], GREY)
            svg.text(75 + c * 30, 62 + r * 34, f"{r}{c}", "middle", size=12)
    svg.text(390, 28, "packed: two panels, k after k")
    for half in range(2):
        for r in range(4):
            for c in range(4):
                x = 390 + (r % 2 * 4 + c) * 36
                y = 44 + half * 84 + r // 2 * 34
                svg.rect(x, y, 36, 26, colours[half], GREY)
                svg.text(x + 18, y + 18, f"{r}{half * 4 + c}", "middle", size=12)
    svg.text(40, 215, "Each number is named by its k and its column. The micro-kernel takes four columns of one k,", color=GREY, size=13)
    svg.text(40, 234, "then of the next: left that is a jump at every step, right it is one straight line.", color=GREY, size=13)
    svg.save("panels.svg")


def micro_tile():
    rows, registers, wide, high = 12, 2, 200, 21
    svg = Svg(720, 400, "The micro-tile: 12 rows, 2 registers of 16 columns, 24 sums of 16 lanes")
    left, top = 160, 80
    for j in range(registers):
        svg.rect(left + j * wide, 30, wide - 6, high + 3, "#fbe3d0", ORANGE)
        svg.text(left + j * wide + wide / 2, 47, f"b[k][{16 * j}..{16 * j + 16}]", "middle", ORANGE, 13)
    for i in range(rows):
        y = top + i * (high + 4)
        svg.rect(70, y, 62, high, "#cfe0f3", BLUE)
        svg.text(101, y + 15, f"a[k][{i}]", "middle", BLUE, 12)
        for j in range(registers):
            svg.rect(left + j * wide, y, wide - 6, high, "#dcf0df", GREEN)
            svg.text(left + j * wide + wide / 2, y + 15, f"sum[{i}][{j}] += a[k][{i}] · b", "middle", GREEN, 12)
    for i, note in enumerate(["24 registers of sums", "2 registers of B", "1 register, a number", "of A in all 16 lanes"]):
        svg.text(575, 120 + 24 * i, note, size=13)
    svg.text(575, 240, "27 of 32 registers,", size=13)
    svg.text(575, 264, "14 reads and", size=13)
    svg.text(575, 288, "24 FMAs at every k", size=13)
    svg.save("micro_tile.svg")


def tiles():
    """A micro-tile of AMX: two tiles of A by two of B."""
    svg = Svg(720, 350, "Two tiles of A by two of B are four tiles of sums")
    side, gap, left, top = 100, 8, 270, 150
    for j in range(2):
        x = left + j * (side + gap)
        svg.rect(x, 30, side, side - 8, "#fbe3d0", ORANGE)
        svg.text(x + side / 2, 72, f"B{j}", "middle", ORANGE, 14)
        svg.text(x + side / 2, 90, f"columns {16 * j}–{16 * j + 15}", "middle", ORANGE, 11)
    for i in range(2):
        y = top + i * (side - 8 + gap)
        svg.rect(left - side - 20, y, side, side - 8, "#cfe0f3", BLUE)
        svg.text(left - side / 2 - 20, y + 42, f"A{i}", "middle", BLUE, 14)
        svg.text(left - side / 2 - 20, y + 60, f"rows {16 * i}–{16 * i + 15}", "middle", BLUE, 11)
        for j in range(2):
            x = left + j * (side + gap)
            svg.rect(x, y, side, side - 8, "#dcf0df", GREEN)
            svg.text(x + side / 2, y + 50, f"+= A{i} · B{j}", "middle", GREEN, 13)
    for i, note in enumerate(["16 rows: 16 pairs of k", "16 places: 16 columns"]):
        svg.text(508, 70 + 18 * i, note, color=ORANGE, size=12)
    for i, note in enumerate(["16 rows of A", "16 places: 16 pairs of k"]):
        svg.text(20, top + 40 + 18 * i, note, color=BLUE, size=12)
    for i, note in enumerate(["4 tiles of sums", "4 of factors: all 8", "4 reads and", "4 instructions for 32 k"]):
        svg.text(508, top + 50 + 24 * i, note, size=13)
    svg.save("tiles.svg")


def threads():
    svg = Svg(720, 300, "C is cut into tiles; a tile needs a band of rows of A and a band of columns of B")
    colours = ["#cfe0f3", "#fbe3d0"]
    left, top, wide, high = 300, 110, 90, 42
    for j in range(4):
        marked = j == 2
        svg.rect(left + j * wide, 40, wide - 4, 50, "#dcf0df" if marked else "#ffffff", GREEN if marked else PALE)
    svg.text(left + 2 * wide, 28, "B, bands of columns", "middle", size=13)
    for i in range(4):
        marked = i == 1
        svg.rect(130, top + i * high, 150, high - 4, "#dcf0df" if marked else "#ffffff", GREEN if marked else PALE)
        for j in range(4):
            task = i * 4 + j
            svg.rect(left + j * wide, top + i * high, wide - 4, high - 4, colours[task % 2], GREEN if (i, j) == (1, 2) else "none")
            svg.text(left + j * wide + wide / 2 - 2, top + i * high + 24, f"thread {task % 2}", "middle", GREY, 12)
    svg.text(60, top + 2 * high, "A, bands", "middle", size=13)
    svg.text(60, top + 2 * high + 18, "of rows", "middle", size=13)
    svg.text(130, 292, "each tile of C is one task and has all its K steps; green: what one task reads", color=GREY, size=13)
    svg.save("threads.svg")


def roofline():
    """Peak and bandwidth of an example machine, not of anybody's."""
    peak, bandwidth = 200.0, 20.0
    svg = Svg(720, 380, "The roofline of an example machine: 200 GFLOP/s, 20 GB/s")
    left, top, width, height = 80, 30, 590, 280
    x = lambda value: left + width * math.log2(value / 0.25) / 11
    y = lambda value: top + height - height * math.log2(value / 4) / 6
    for tick in (4, 8, 16, 32, 64, 128, 256):
        svg.line(left, y(tick), left + width, y(tick), PALE)
        svg.text(left - 8, y(tick) + 4, f"{tick}", "end", GREY, 12)
    for tick in (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512):
        svg.text(x(tick), top + height + 18, f"{tick:g}", "middle", GREY, 12)
    svg.curve([(x(0.25), y(5)), (x(peak / bandwidth), y(peak)), (x(512), y(peak))], INK, 3)
    svg.text(x(1.1), y(30), "20 GB/s", "end", INK, 13)
    svg.text(x(60), y(peak) - 10, "200 GFLOP/s", "middle", INK, 13)
    for tokens in (1, 4, 16, 128, 1024):
        value = intensity(tokens)
        roof = min(peak, bandwidth * value)
        svg.line(x(value), y(roof), x(value), top + height, ORANGE, 1, "3 4")
        svg.parts.append(f'<circle cx="{x(value):.1f}" cy="{y(roof):.1f}" r="5" fill="{ORANGE}"/>')
        svg.text(x(value) + 6, top + height - 8, f"{tokens:,} token{'s' if tokens > 1 else ''}", color=ORANGE, size=12)
    svg.text(left + width / 2, top + height + 42, "operations for each byte that is fetched", "middle", GREY, 13)
    svg.text(24, top + height / 2, "GFLOP/s", "middle", GREY, 13, f' transform="rotate(-90 24 {top + height / 2})"')
    svg.save("roofline.svg")


def bert_flops():
    svg = Svg(720, 360, "Where the operations of BERT-base are, by the length of the sequence")
    axes = Axes(svg, 70, 40, 620, 250, (0, 4608), (0, 100))
    axes.frame([0, 512, 1024, 2048, 3072, 4096, 4608], [0, 25, 50, 75, 100], "tokens of one sequence", "{:g} %")
    lengths = range(1, 4609, 32)
    below = [0.0] * len(lengths)
    for (name, parts), colour, x in zip(
        [("feed-forward", ("up, GELU", "down")), ("query, key, value, output", ("query, key, value", "output")), ("scores and mixing", ("scores", "mixing"))],
        (GREEN, BLUE, ORANGE), (70, 220, 430),
    ):
        above = []
        for length, base in zip(lengths, below):
            count = flops(length)
            above.append(base + 100 * sum(count[part] for part in parts) / sum(count.values()))
        points = [(axes.x(s), axes.y(v)) for s, v in zip(lengths, above)]
        points += [(axes.x(s), axes.y(v)) for s, v in reversed(list(zip(lengths, below)))]
        path = "L".join(f"{px:.1f} {py:.1f}" for px, py in points)
        svg.parts.append(f'<path d="M{path}z" fill="{colour}" opacity="0.8"/>')
        svg.rect(x, 14, 14, 14, colour)
        svg.text(x + 20, 26, name, size=13)
        below = above
    svg.line(axes.x(512), axes.y(0), axes.x(512), axes.y(100), INK, 1, "5 4")
    svg.text(axes.x(512) + 6, axes.y(6), "512, BERT's limit", color="#ffffff", size=13)
    svg.save("bert_flops.svg")


def steps():
    """The measured table of the chapter as bars, in its first column of figures."""
    chapter = (FOLDER.parent / "fast_matrix_product.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)`[^|]*\| ([\d.]+) \|", chapter, re.MULTILINE)
    peak = re.search(r"^\| FMA peak, one core \| ([\d.]+) \|", chapter, re.MULTILINE)
    if not rows or not peak:
        return print("steps.svg: the chapter's table is not filled in yet")
    bars = [(name, float(speed), BLUE) for name, speed in rows] + [("FMA peak, one core", float(peak[1]), GREY)]
    svg = Svg(720, 20 + 34 * len(bars), "GFLOP/s of each step, as measured")
    scale = 440 / max(speed for _, speed, _ in bars)
    for i, (name, speed, colour) in enumerate(bars):
        top = 14 + 34 * i
        svg.text(170, top + 17, name, "end", size=13)
        svg.rect(180, top, max(1.5, speed * scale), 24, colour)
        svg.text(188 + speed * scale, top + 17, f"{speed:g} GFLOP/s", size=13)
    svg.save("steps.svg")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for draw in (memory, cache_lines, misses_plot, blocks, panels, micro_tile, tiles, threads, steps, roofline, bert_flops):
        draw()
