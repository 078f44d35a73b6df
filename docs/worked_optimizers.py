"""The numbers of the chapter on optimizers; worked_numbers.py prints and checks them.

Standard library only.
"""

import math
import random
import struct


def show(x, places, width=0):
    text = f"{x:.{places}f}"
    text = text[1:] if text.startswith("-") and float(text) == 0 else text
    return text.replace("-", "−").rjust(width)


def f32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


# ---- the mathematics ------------------------------------------------------------------------


def valley(rate, momentum, steps, start=(10.0, 1.0)):
    """Gradient descent on (a² + 25·b²)/2, whose gradient is (a, 25·b): the points it visits."""
    (a, b), (u, v) = start, (0.0, 0.0)
    points = [(a, b)]
    for _ in range(steps):
        u, v = momentum * u + a, momentum * v + 25 * b
        a, b = a - rate * u, b - rate * v
        points.append((a, b))
    return points


def adam(p, gradients, rate, beta1=0.9, beta2=0.999, eps=1e-8, decay=0.0, l2=0.0, correct=True):
    """AdamW on one number; yields (g, m, v, m̂, v̂, p) after each step. `l2` adds l2·p to the gradient instead."""
    m = v = 0.0
    for t, g in enumerate(gradients, 1):
        g = g + l2 * p
        p -= rate * decay * p
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        mean, square = (m / (1 - beta1**t), v / (1 - beta2**t)) if correct else (m, v)
        p -= rate * mean / (math.sqrt(square) + eps)
        yield g, m, v, mean, square, p


def last(steps):
    for found in steps:
        pass
    return found


def linear(step, warm_up, total):
    return step / warm_up if step < warm_up else (total - step) / (total - warm_up)


def google_linear(step, warm_up, total):
    return step / warm_up if step < warm_up else 1 - step / total


def cosine(step, warm_up, total):
    if step < warm_up:
        return step / warm_up
    return (1 + math.cos(math.pi * (step - warm_up) / (total - warm_up))) / 2


def one_cycle(step, total):
    part = step / total
    if part >= 0.9:
        return 0.1 - 0.099 * (part - 0.9) / 0.1, 0.95
    height = 1 - abs(part - 0.45) / 0.45
    return 0.1 + 0.9 * height, 0.95 - 0.1 * height


# ---- the chapter ----------------------------------------------------------------------------


def optimizers():
    yield descent()
    yield too_far()
    yield by_hand()
    yield last_line()
    yield constant_gradient()
    yield uncorrected()
    yield first_step_with_l2()
    yield noise()
    yield memory()
    yield outlier()
    yield clipping()
    yield schedule_table()
    yield rounded_decay()
    yield rounded_betas()


def descent():
    plain, heavy = valley(0.03, 0.0, 60), valley(0.03, 0.7, 60)
    lines = ["            plain            momentum 0.7", "step      a        b          a        b"]
    for step in (0, 1, 2, 3, 10, 20, 40, 60):
        a, b = plain[step]
        c, d = heavy[step]
        lines.append(f"{step:>4}{show(a, 3, 9)}{show(b, 3, 9)}{show(c, 3, 11)}{show(d, 3, 9)}")
    return "\n".join(lines)


def too_far():
    points = valley(0.09, 0.0, 4)
    return "b, learning rate 0.09:  " + "  ".join(show(b, 2) for _, b in points)


def by_hand():
    rows = ["step     g       m           v   m corrected   v corrected        p", f"   0{show(1.0, 4, 63)}"]
    for t, (g, m, v, mean, square, p) in enumerate(adam(1.0, [0.5, -0.1], 0.1), 1):
        rows.append(f"{t:>4}{show(g, 1, 6)}{show(m, 4, 8)}{show(v, 8, 12)}{show(mean, 4, 14)}{show(square, 6, 14)}{show(p, 4, 9)}")
    assert len({len(row) for row in rows}) == 1
    return "\n".join(rows)


def last_line():
    _, m, v, mean, square, p = last(adam(1.0, [0.5, -0.1], 0.1))
    before = last(adam(1.0, [0.5], 0.1))[-1]
    return "\n".join([
        f"m = 0.9·0.05 + 0.1·(−0.1) = {show(m, 4)}",
        f"v = 0.999·0.00025 + 0.001·0.01 = {show(v, 8)}",
        f"m corrected = {show(m, 4)} / (1 − 0.9²) = {show(m, 4)} / {show(1 - 0.9**2, 2)} = {show(mean, 4)}",
        f"v corrected = {show(v, 8)} / (1 − 0.999²) = {show(v, 8)} / {show(1 - 0.999**2, 6)} = {show(square, 6)}",
        f"p = {show(before, 4)} − 0.1 · {show(mean, 4)} / {show(math.sqrt(square), 4)} = {show(p, 4)}",
    ])


def constant_gradient():
    m, lines = 0.0, []
    for t in range(1, 5):
        m = 0.9 * m + 0.1
        lines.append(f"m after {t} of g = 1:  {show(m, 4)}     1 − 0.9^{t} = {show(1 - 0.9**t, 4)}")
    return "\n".join(lines)


def uncorrected():
    ratio = lambda t: (1 - 0.9**t) / math.sqrt(1 - 0.999**t)
    largest = max(range(1, 5000), key=ratio)
    lines = ["step   length of Google's step, in learning rates"]
    lines += [f"{t:>5}{show(ratio(t), 2, 12)}" for t in (1, 2, 5, 10, 20, 50, 100, 1000, 3000)]
    return "\n".join(lines) + f"\nlargest: {show(ratio(largest), 2)}, in step {largest}"


def first_step_with_l2():
    l2 = last(adam(1.0, [0.5], 0.1, l2=0.1))[-1]
    decoupled = last(adam(1.0, [0.5], 0.1, decay=0.1))[-1]
    none = last(adam(1.0, [0.5], 0.1))[-1]
    return f"no decay      {show(none, 4)}\nL2            {show(l2, 4)}\ndecoupled     {show(decoupled, 4)}"


def noise():
    random.seed(4)
    lines = ["gradients of size      L2   decoupled"]
    for size in (0.1, 1.0, 10.0):
        ends = {"l2": 0.0, "decay": 0.0}
        for _ in range(200):
            gradients = [random.gauss(0, size) for _ in range(1000)]
            for kind in ends:
                ends[kind] += last(adam(1.0, gradients, 0.001, **{kind: 0.2}))[-1] / 200
        lines.append(f"{size:>10.1f}{show(ends['l2'], 2, 17)}{show(ends['decay'], 2, 12)}")
    lines.append(f"0.9998^1000 = {show(0.9998**1000, 2)}")
    return "\n".join(lines)


def memory():
    count = 109_482_240
    parts = ["parameters", "gradients", "first moments", "second moments"]
    lines = [f"{part:<16}{4 * count / 1e6:>7,.0f} MB" for part in parts]
    return "\n".join(lines + [f"{'together':<16}{16 * count / 1e6:>7,.0f} MB"])


def outlier():
    """Means that have settled on g = 1 meet one gradient of 100, and ones again."""
    m, v, lines = 1.0, 1.0, ["steps after it   step length, in learning rates"]
    for after in range(1001):
        g = 100.0 if after == 0 else 1.0
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        if after in (0, 1, 5, 10, 20, 50, 1000):
            lines.append(f"{after:>14}{show(m / math.sqrt(v), 2, 10)}")
    return "\n".join(lines)


def clipping():
    norm = math.sqrt(3**2 + 4**2 + 12**2)
    factor = 1 / (norm + 1e-6)
    return f"√(3² + 4² + 12²) = {norm:.0f}\n1 / (13 + 0.000001) = {show(factor, 5)}\n(3, 4) → ({show(3 * factor, 4)}, {show(4 * factor, 4)})        (12) → ({show(12 * factor, 4)})"


def schedule_table():
    lines = ["step   linear   Google's   cosine   one-cycle   momentum"]
    for step in (0, 5, 10, 25, 45, 50, 75, 90, 100):
        factor, momentum = one_cycle(step, 100)
        values = [linear(step, 10, 100), google_linear(step, 10, 100), cosine(step, 10, 100)]
        lines.append(
            f"{step:>4}{show(values[0], 3, 9)}{show(values[1], 3, 11)}{show(values[2], 3, 9)}{show(factor, 3, 12)}{show(momentum, 3, 11)}"
        )
    return "\n".join(lines)


def rounded_decay():
    return f"1 − 2e-5 · 0.01 = 1 − 2e-7, in an f32: 1 − {1 - f32(1 - 2e-7):.2e}".replace("e-07", "e-7")


def rounded_betas():
    keep, take = f32(0.999), f32(0.001)
    return f"0.001 / (1 − 0.999), each an f32: {take / (1 - keep):.6f}"
