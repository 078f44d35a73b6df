"""The numbers of the chapters on losses and on gradient checks; worked_numbers.py prints and checks them.

Standard library only.
"""

import math
import struct


def show(x, places, width=0):
    text = f"{x:.{places}f}"
    text = text[1:] if text.startswith("-") and float(text) == 0 else text
    return text.replace("-", "−").rjust(width)


def f32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


# ---- the mathematics ------------------------------------------------------------------------


def softmax(row):
    largest = max(row)
    powers = [math.exp(x - largest) for x in row]
    return [power / sum(powers) for power in powers]


def surprise(row, right):
    """−ln softmax(row)[right]."""
    return math.log(sum(math.exp(x) for x in row)) - row[right]


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


# ---- the chapter on losses ------------------------------------------------------------------

WORDS = ["dog", "cat", "bites", "the"]
LOGITS = [1.5, 1.25, -0.5, 1.0]
TRANSFORMED = [1.0, 0.5]
RIGHT = 1


def losses():
    yield surprises()
    yield by_hand()
    yield slopes()
    yield by_number()
    yield class_weights()
    yield accumulation()
    yield two_gradients()
    yield f"ln 30,522 = {show(math.log(30522), 2)}\nln 2 = {show(math.log(2), 2)}\ntogether {show(math.log(30522) + math.log(2), 2)}"
    yield several_labels()
    yield regression()
    yield padding()
    yield multiple_choice()


def surprises():
    lines = ["p            −ln p"]
    for p in ("1", "0.5", "0.1", "0.01", "0.000001"):
        lines.append(f"{p:<9}{show(abs(math.log(float(p))), 2, 9)}")
    return "\n".join(lines)


def by_hand():
    log_sum = math.log(sum(math.exp(x) for x in LOGITS))
    lines = ["Σ exp = " + " + ".join(show(math.exp(x), 4) for x in LOGITS) + f" = {show(sum(math.exp(x) for x in LOGITS), 4)}"]
    lines.append(f"ln Σ exp = {show(log_sum, 4)}")
    lines.append(f"loss = {show(log_sum, 4)} − 1.25 = {show(log_sum - 1.25, 4)}")
    lines.append(f"p(cat) = exp(−{show(log_sum - 1.25, 4)}) = {show(math.exp(1.25 - log_sum), 4)}")
    return "\n".join(lines)


def slopes():
    lines = ["         p        d_logit"]
    d = [p - (i == RIGHT) for i, p in enumerate(softmax(LOGITS))]
    for word, p, slope in zip(WORDS, softmax(LOGITS), d):
        lines.append(f"{word:<6}{show(p, 4, 7)}{show(slope, 4, 10)}")
    return "\n".join(lines) + f"\nsum   {show(1, 4, 7)}{show(sum(d), 4, 10)}"


def by_number():
    above, below = ([1.5 + h, 1.25, -0.5, 1.0] for h in (0.01, -0.01))
    above, below = surprise(above, RIGHT), surprise(below, RIGHT)
    return f"({show(above, 6)} − {show(below, 6)}) / 0.02 = {show((above - below) / 0.02, 4)}"


def class_weights():
    texts, weights = [(0.2, 0), (1.5, 1), (0.4, 0)], [1, 4]
    total = sum(weights[label] * loss for loss, label in texts)
    count = sum(weights[label] for _, label in texts)
    return "\n".join([
        f"sum    1·0.2 + 4·1.5 + 1·0.4 = {show(total, 1)}",
        f"count  1 + 4 + 1 = {count}",
        f"mean   {show(total, 1)} / {count} = {show(total / count, 2)}",
    ])


def accumulation():
    batches = [(6.0, 3), (30.0, 30)]
    total, count = sum(s for s, _ in batches), sum(c for _, c in batches)
    means = [s / c for s, c in batches]
    lines = ["          sum   count   mean"]
    lines += [f"batch {i}{show(s, 1, 6)}{c:>8}{show(s / c, 2, 7)}" for i, (s, c) in enumerate(batches, 1)]
    lines.append(f"step   {show(total, 1, 6)}{count:>8}{show(total / count, 2, 7)}")
    return "\n".join(lines) + f"\nmean of the means  {show(sum(means) / 2, 2, 9)}"


def two_gradients():
    d_logits = [p - (i == RIGHT) for i, p in enumerate(softmax(LOGITS))]
    decoder = [[d * t for t in TRANSFORMED] for d in d_logits]
    lookup = [[0.2, -0.1], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    lines = ["          decoder            lookup            together"]
    for word, a, b in zip(WORDS, decoder, lookup):
        pair = lambda v: f"({show(v[0], 3, 6)}, {show(v[1], 3, 6)})"
        lines.append(f"{word:<6}{pair(a)}   {pair(b)}   {pair([x + y for x, y in zip(a, b)])}")
    return "\n".join(lines)


def several_labels():
    logits, targets = [2.0, 0.0, -1.0], [1, 0, 0]
    p = [sigmoid(x) for x in logits]
    loss = [-math.log(q if t else 1 - q) for q, t in zip(p, targets)]
    row = lambda name, values: f"{name:<8}" + "".join(show(v, 3, 9) for v in values)
    lines = [row("logit", logits), f"{'target':<8}" + "".join(f"{t:>9}" for t in targets), row("p", p), row("loss", loss)]
    lines.append(row("p − t", [q - t for q, t in zip(p, targets)]))
    return "\n".join(lines) + f"\nmean    {show(sum(loss) / 3, 3, 9)}"


def regression():
    outputs, targets = [2.5, 4.0], [3.0, 2.0]
    squares = [(x - t) ** 2 for x, t in zip(outputs, targets)]
    return "\n".join([
        f"(2.5 − 3)² + (4 − 2)² = {show(squares[0], 2)} + {show(squares[1], 2)} = {show(sum(squares), 2)}",
        f"mean {show(sum(squares) / 2, 3)}",
        f"gradient of the sum: {show(2 * (2.5 - 3), 1)} and {show(2 * (4.0 - 2), 1)}",
    ])


def padding():
    real, padded = [0.0, 1.0, 3.0, 2.0], [0.0, 1.0, 3.0, 2.0, 1.5, 1.5, 1.5]
    return "\n".join([
        f"four real tokens               {show(surprise(real, 2), 3)}",
        f"and three padded ones of 1.5   {show(surprise(padded, 2), 3)}",
    ])


def multiple_choice():
    scores = [1.0, 2.0, 0.5, 0.0]
    p = softmax(scores)
    return "p     " + "".join(show(v, 3, 9) for v in p) + f"\nloss  −ln {show(p[1], 3)} = {show(surprise(scores, 1), 3)}"


# ---- the chapter on gradient checks ---------------------------------------------------------


def gradient_check():
    yield valley()
    yield best_steps()
    yield f"(f(1.01) − f(0.99)) / 0.02 = ({show(math.exp(1.01), 5)} − {show(math.exp(0.99), 5)}) / 0.02 = {show((math.exp(1.01) - math.exp(0.99)) / 0.02, 5)}\ne = {show(math.e, 5)}"
    yield floor()


def differences(h, rounded):
    """The errors of both formulas for exp at 1, relative; `rounded` rounds every result."""
    f = lambda x: rounded(math.exp(rounded(x)))
    h, true = rounded(h), math.e
    up, down, up2, down2 = (rounded(1 + k * h) for k in (1, -1, 2, -2))
    central = (f(up) - f(down)) / (up - down)
    four = (8 * (f(up) - f(down)) - (f(up2) - f(down2))) / (12 * h)
    return abs(central / true - 1), abs(four / true - 1)


def power(x):
    mantissa, exponent = f"{x:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}".replace("-", "−")


def valley():
    lines = ["                f64                   f32", "  step   central  four points   central  four points"]
    for k in range(0, 9):
        wide = differences(10.0**-k, float)
        narrow = differences(10.0**-k, f32) if k < 6 else None  # below that, an f32 near 1 hardly moves
        cells = [f"{power(wide[0]):>10}{power(wide[1]):>13}"]
        cells += [f"{power(narrow[0]):>10}{power(narrow[1]):>13}"] if narrow else []
        lines.append(f"{f'1e−{k}' if k else '1':>6}" + "".join(cells))
    return "\n".join(lines)


def best_steps():
    lines = ["        rounding   best central step   best step of four points"]
    for name, unit in (("f64", 2.0**-53), ("f32", 2.0**-24)):
        central, four = (3 * unit) ** (1 / 3), (30 * 1.5 * unit / 4) ** (1 / 5)
        lines.append(f"{name:<8}{power(unit):>8}{power(central):>20}{power(four):>27}")
    return "\n".join(lines)


def floor():
    analytic, numeric, everything = 2e-8, 9e-7, 4.0
    difference = numeric - analytic
    return "\n".join([
        f"without a floor  {power(difference)} / 2e−8 = {difference / analytic:.0f}",
        f"with it          {power(difference)} / (0.001 · 4) = {power(difference / (1e-3 * everything))}",
    ])
