#!/usr/bin/env python3
"""Draws figures of the chapters on fine-tuning: docs/src/figures/{tag_schemes,word_windows,question_windows,roc,path}.svg. Run it again after a change: `python3 docs/figures_transfer.py`. (lr_find.svg is what `bert lr-find`
in the chapter on transfer learning wrote.) Standard library only.
"""

from figures import BLUE, GREEN, GREY, ORANGE, PALE, Svg
from worked_explanations import WAY, gradient, logit, point
from worked_metrics import NEGATIVE, POSITIVE, roc
from worked_transfer import TOKENS, cut, judges

SENTENCE = "Ann gave Bob Clara Lee 's book in New York .".split()
ENTITIES = [("PER", 0, 1), ("PER", 2, 3), ("PER", 3, 5), ("LOC", 8, 10)]


def tags(scheme):
    found = ["O"] * len(SENTENCE)
    for number, (kind, start, end) in enumerate(ENTITIES):
        touches = number > 0 and ENTITIES[number - 1][2] == start and ENTITIES[number - 1][0] == kind
        for word in range(start, end):
            first, last = word == start, word == end - 1
            if scheme == "IOB1":
                letter = "B" if first and touches else "I"
            elif scheme == "IOB2":
                letter = "B" if first else "I"
            else:
                letter = "S" if first and last else "B" if first else "E" if last else "I"
            found[word] = f"{letter}-{kind}"
    return found


def tag_schemes():
    svg = Svg(760, 196, "The tags of one sentence in the schemes IOB1, IOB2 and IOBES")
    left, width = 80, 61
    colours = {"PER": BLUE, "LOC": GREEN}
    for kind, start, end in ENTITIES:
        svg.rect(left + start * width + 3, 16, (end - start) * width - 6, 30, "#ffffff", colours[kind])
    for place, word in enumerate(SENTENCE):
        svg.text(left + (place + 0.5) * width, 36, word, "middle", size=14)
    for row, scheme in enumerate(("IOB1", "IOB2", "IOBES")):
        y = 84 + row * 42
        svg.line(12, y - 26, 748, y - 26, PALE)
        svg.text(14, y, scheme, size=14)
        for place, tag in enumerate(tags(scheme)):
            colour = GREY if tag == "O" else colours[tag[2:]]
            svg.text(left + (place + 0.5) * width, y, tag, "middle", colour, 13)
    svg.save("tag_schemes.svg")


def word_windows():
    windows = cut(TOKENS, 10, 3)
    svg = Svg(720, 190, "A sentence of 22 words in three windows, and which window judges each word")
    left, width = 84, 28
    for word in range(TOKENS):
        svg.text(left + (word + 0.5) * width, 28, str(word), "middle", GREY, 12)
    for number, (start, end) in enumerate(windows):
        y = 44 + number * 44
        svg.text(10, y + 20, f"window {number + 1}", size=13)
        for word in range(start, end):
            best = max(judges(windows, word), key=lambda found: found[1])[0]
            svg.rect(left + word * width + 1, y, width - 2, 30, "#d6e6f7" if best == number else "#ffffff", BLUE if best == number else GREY)
    svg.text(left, 182, "blue: this window judges the word; white: it only shows it", size=12, color=GREY)
    svg.save("word_windows.svg")


def question_windows():
    windows = cut(700, 369, 128)
    svg = Svg(720, 214, "A context of 700 tokens in three windows, each with the whole question")
    left, scale = 128, 560 / 700
    svg.text(10, 30, "context", size=13)
    svg.rect(left, 14, 700 * scale, 24, "#f4f4f4", GREY)
    for tick in (0, 241, 369, 482, 610, 700):
        svg.text(left + tick * scale, 54, str(tick), "middle", GREY, 11)
    for number, (start, end) in enumerate(windows):
        y = 68 + number * 42
        svg.text(10, y + 19, f"window {number + 1}", size=13)
        svg.rect(left + start * scale - 36, y, 34, 28, "#fbe3d3", ORANGE)
        svg.text(left + start * scale - 19, y + 19, "asked", "middle", size=11)
        svg.rect(left + start * scale, y, (end - start) * scale, 28, "#d6e6f7", BLUE)
        svg.text(left + (start + end) / 2 * scale, y + 19, f"tokens {start} to {end - 1}", "middle", size=12)
    for shared in ((241, 369), (482, 610)):
        for edge in shared:
            svg.line(left + edge * scale, 60, left + edge * scale, 190, GREY, 1, "3 3")
    svg.text(left, 207, "between dashed lines: what two windows share, 128 tokens", size=12, color=GREY)
    svg.save("question_windows.svg")


def roc_curve():
    svg = Svg(520, 330, "Found over false alarms: a staircase, and the diagonal of a coin")
    left, bottom, size = 76, 270, 240
    x, y = (lambda share: left + 1.5 * size * share), (lambda share: bottom - size * share)
    corners = [(0.0, 0.0)] + [(alarms / len(NEGATIVE), found / len(POSITIVE)) for _, found, alarms in roc()]
    for (a, _), (b, height) in zip(corners, corners[1:]):
        if b > a:
            svg.rect(x(a), y(height), x(b) - x(a), bottom - y(height), "#d6e6f7", "#ffffff")
            svg.text((x(a) + x(b)) / 2, y(height) + 18, f"{len(POSITIVE) * height:.0f} above", "middle", size=12)
    svg.line(x(0), y(0), x(1), y(1), GREY, 1, "4 4")
    svg.text(x(0.62), y(0.55), "a coin", size=12, color=GREY)
    svg.curve([(x(a), y(b)) for a, b in corners], BLUE, 3)
    svg.line(left, bottom, x(1), bottom)
    svg.line(left, bottom, left, y(1))
    for k in range(5):
        svg.text(x(k / 4), bottom + 18, f"{k}/4" if 0 < k < 4 else str(k // 4), "middle", size=12)
    for k in range(4):
        svg.text(left - 8, y(k / 3) + 4, f"{k}/3" if 0 < k < 3 else str(k // 3), "end", size=12)
    svg.text(x(0.5), bottom + 42, "false alarms, of the negatives", "middle", size=13)
    svg.text(left - 44, y(1) - 14, "found, of the positives", size=13)
    svg.save("roc.svg")


def path():
    """The logit on the way to the text, and its slope."""
    svg = Svg(680, 300, "The logit climbs early and is flat at the text; its slope falls from 10 to nearly 0")
    left, bottom, width, height = 60, 250, 500, 200
    at = lambda k: k / 100
    slope = lambda alpha: sum(v * d for v, d in zip(WAY, gradient(point(alpha))))
    x = lambda alpha: left + width * alpha
    steepest, end = slope(0), logit(WAY)
    svg.curve([(x(at(k)), bottom - height * logit(point(at(k))) / end) for k in range(101)], BLUE, 3)
    svg.curve([(x(at(k)), bottom - height * slope(at(k)) / steepest) for k in range(101)], ORANGE, 3)
    svg.line(left, bottom, x(1), bottom)
    svg.line(left, bottom, left, bottom - height)
    svg.text(x(0), bottom + 20, "α = 0: no text", size=13)
    svg.text(x(1), bottom + 20, "α = 1: the text", "end", size=13)
    svg.text(x(1) + 8, bottom - height + 5, f"logit {end:.1f}", color=BLUE, size=13)
    svg.text(x(1) + 8, bottom - height * slope(1) / steepest + 5, f"slope {slope(1):.2f}", color=ORANGE, size=13)
    svg.text(left, bottom - height - 8, f"slope {steepest:.0f}", color=ORANGE, size=13)
    half = logit(point(0.5)) / end
    svg.line(x(0.5), bottom, x(0.5), bottom - height * half, GREY, 1, "3 3")
    svg.text(x(0.5) - 6, bottom - 8, f"half of the way: {100 * half:.0f} % of the climb", "end", size=12, color=GREY)
    svg.save("path.svg")


if __name__ == "__main__":
    tag_schemes()
    word_windows()
    question_windows()
    roc_curve()
    path()
