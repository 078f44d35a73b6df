"""The numbers of the chapter on ablations; worked_numbers.py prints and checks them.

Standard library only.
"""

import math

TOKENS = {"dog": [1.0, 0.0], "bites": [0.0, 1.0], "man": [1.0, 1.0]}
# Eight scores of mean 0 and standard deviation 1, as far apart as those of a normal distribution are.
SCORES = [-1.5, -0.9, -0.5, -0.2, 0.2, 0.5, 0.9, 1.5]


def show(x, places, width=0):
    return f"{x:.{places}f}".replace("-", "−").rjust(width)


def thousands(x):
    return f"{x:,}".rjust(9)


def softmax(row):
    largest = max(row)
    powers = [math.exp(x - largest) for x in row]
    return [power / sum(powers) for power in powers]


def attention(rows):
    """softmax(x·xᵀ/√D)·x: attention whose query, key and value are the token itself."""
    scale = 1 / math.sqrt(len(rows[0]))
    shares = [softmax([scale * sum(a * b for a, b in zip(query, key)) for key in rows]) for query in rows]
    return [[sum(s * row[column] for s, row in zip(share, rows)) for column in range(len(rows[0]))] for share in shares]


def spread(rows):
    """The largest distance between two rows."""
    return max(math.dist(a, b) for a in rows for b in rows)


def size(rows):
    """The root mean square over all numbers."""
    numbers = [x for row in rows for x in row]
    return math.sqrt(sum(x * x for x in numbers) / len(numbers))


def collapse():
    """Rows after some layers of attention, with and without the residual."""
    alone = with_residual = list(TOKENS.values())
    lines = ["layers   without residual   with residual"]
    for layer in range(5):
        of = [spread(rows) / size(rows) for rows in (alone, with_residual)]
        lines.append(f"{layer:>6}{show(of[0], 6, 19)}{show(of[1], 6, 16)}")
        alone = attention(alone)
        with_residual = [[a + b for a, b in zip(*rows)] for rows in zip(with_residual, attention(with_residual))]
    return "\n".join(lines)


def powers():
    """What is left of a gradient after so many blocks whose own derivative is 0.1."""
    lines = ["blocks    0.1ⁿ    1.1ⁿ"]
    for blocks in (2, 4, 8, 24):
        lines.append(f"{blocks:>6}{f'1e−{blocks}':>8}{show(1.1**blocks, 2, 8)}")
    return "\n".join(lines)


def saturation():
    """The largest share, and softmax's slope there, as the spread of the scores grows with √D."""
    deviation = math.sqrt(sum(x * x for x in SCORES) / len(SCORES))
    lines = ["  D   spread of scores   largest share   p·(1 − p)"]
    for spread_of_scores, width in ((1, "any"), (4, "16"), (8, "64")):
        share = max(softmax([spread_of_scores * x / deviation for x in SCORES]))
        lines.append(f"{width:>3}{spread_of_scores:>19}{show(share, 4, 16)}{show(share * (1 - share), 4, 12)}")
    lines[1] += "   divided by √D"
    return "\n".join(lines)


def shares_of_parameters():
    hidden, wide = 768, 4 * 768
    in_attention = 4 * (hidden * hidden + hidden) + 2 * hidden
    in_feed_forward = hidden * wide + wide + wide * hidden + hidden + 2 * hidden
    total = in_attention + in_feed_forward
    rows = [("attention", in_attention), ("feed-forward", in_feed_forward), ("one layer", total)]
    return "\n".join(f"{name:<13}{thousands(count)}{show(100 * count / total, 1, 8)} %" for name, count in rows)


def post_norm_gradient():
    return f"1/√2 = {show(1 / math.sqrt(2), 3)}        after 24 blocks: 2⁻¹² = {show(2**-12, 5)}"


def fresh_scores():
    """The spread of scores of a fresh model of width 128 with heads of 64: weights 0.02, inputs of variance 1."""
    width, head, weight = 128, 64, 0.02
    variance = width * weight**2
    score = math.sqrt(head) * variance
    return "\n".join(
        [
            f"variance of a query's number   128 · 0.02² = {show(variance, 4)}",
            f"spread of a score              √64 · {show(variance, 4)} = {show(score, 2)}",
            f"divided by √64                 {show(score / math.sqrt(head), 2)}",
        ]
    )


def ablations():
    yield collapse()
    yield powers()
    yield post_norm_gradient()
    yield saturation()
    yield fresh_scores()
    yield shares_of_parameters()
    yield f"ln 2 = {show(math.log(2), 4)}"
