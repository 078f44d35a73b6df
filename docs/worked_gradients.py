"""The numbers of the chapters on back-propagation; worked_numbers.py prints and checks them.

Every gradient that a chapter works out by hand is computed here by the formula and compared with finite
differences of the loss: `agree` stops the script where they differ. Standard library only.
"""

import math
import unicodedata

from worked_optimizers import show

# ---- the mathematics ------------------------------------------------------------------------


def matmul(a, b):
    return [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]


def transpose(a):
    return [list(column) for column in zip(*a)]


def add(*matrices):
    return [[sum(values) for values in zip(*rows)] for rows in zip(*matrices)]


def times(a, b):
    """Element by element; a number counts for every element."""
    if not isinstance(b, list):
        return [[x * b for x in row] for row in a]
    return [[x * y for x, y in zip(r, s)] for r, s in zip(a, b)]


def total(a):
    return sum(map(sum, a))


def softmax(row):
    powers = [math.exp(x - max(row)) for x in row]
    return [power / sum(powers) for power in powers]


def softmax_backward(p, d_p):
    """[R, C] each: p ∘ (d_p − Σ over the row of p ∘ d_p)."""
    sums = [sum(row) for row in times(p, d_p)]
    return [[x * (d - s) for x, d in zip(r, d_row)] for r, d_row, s in zip(p, d_p, sums)]


def cdf(x):
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


def density(x):
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def gelu(x):
    return x * cdf(x)


def d_gelu(x):
    return cdf(x) + x * density(x)


def gelu_tanh(x):
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def d_gelu_tanh(x):
    t = math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    d_u = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * d_u


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def d_silu(x):
    return sigmoid(x) * (1 + x * (1 - sigmoid(x)))


def d_relu(x):
    return 1.0 if x > 0 else 0.0


# ---- the judge: the loss itself ---------------------------------------------------------------


def differences(loss, x, h=1e-5):
    """The gradient of `loss`, a function of the matrix `x`, from its values at x ± h: one number at a time."""
    found = [[0.0] * len(row) for row in x]
    for r, row in enumerate(x):
        for c in range(len(row)):
            values = []
            for step in (h, -h):
                moved = [list(row) for row in x]
                moved[r][c] += step
                values.append(loss(moved))
            found[r][c] = (values[0] - values[1]) / (2 * h)
    return found


def agree(by_formula, by_differences):
    for r, s in zip(by_formula, by_differences, strict=True):
        for a, b in zip(r, s, strict=True):
            assert abs(a - b) < 1e-8 * max(1.0, abs(a)), (by_formula, by_differences)
    return by_formula


# ---- printing -------------------------------------------------------------------------------


def left(name, width):
    """x̂ and P̃ are two characters that stand in one place."""
    return name.ljust(width + sum(unicodedata.combining(c) > 0 for c in name))


def row(name, values, places=4, width=9, first=14):
    return left(name, first) + " ".join(show(v, places, width - 1) for v in values)


def rows(name, matrix, places=4, width=9, first=14):
    names = [name] + [""] * (len(matrix) - 1)
    return "\n".join(row(n, r, places, width, first) for n, r in zip(names, matrix))


# ---- back_propagation.md --------------------------------------------------------------------


def back_propagation():
    yield nudges()
    yield two_ways()
    yield from tiny_network()
    yield time_of_nudging()
    yield from a_linear_layer()
    yield kept()
    yield keep_all_or_input()


def nudges():
    """loss = (2·w − 3)² at w = 1."""
    loss = lambda w: (2 * w - 3) ** 2
    lines = ["nudge      loss after      change     change / nudge"]
    for places, h in ((1, 0.1), (2, 0.01), (3, 0.001), (4, 0.0001)):
        after = loss(1 + h)
        lines.append(f"{h:<10.{places}f}{show(after, 8)}{show(after - 1, 8, 14)}{show((after - 1) / h, 4, 12)}")
    return "\n".join(lines)


def two_ways():
    """z = x·y with y = 3·x, at x = 2."""
    h = 0.01
    first, second, both = (2 + h) * 6 - 12, 2 * 3 * (2 + h) - 12, (2 + h) * 3 * (2 + h) - 12
    return "\n".join([
        f"only the x that stands there:   {show(first, 4)}     = 6·0.01",
        f"only the x within y:            {show(second, 4)}     = 2·3·0.01",
        f"both:                           {show(both, 4)}     = 12·0.01 + 3·0.01²",
    ])


def tiny(w1, w2, x):
    """Everything that a forward pass of the tiny network makes: u, a, y, loss."""
    u = w1 * x
    a = math.tanh(u)
    y = w2 * a
    return u, a, y, (y - 1) ** 2 / 2


def tiny_gradients(w1, w2, x):
    """d_y, d_w2, d_a, d_u, d_w1, d_x."""
    _, a, y, _ = tiny(w1, w2, x)
    d_y = y - 1
    d_w2, d_a = d_y * a, d_y * w2
    d_u = d_a * (1 - a * a)
    return d_y, d_w2, d_a, d_u, d_u * x, d_u * w1


def tiny_network():
    w1, w2, x = 0.5, 2.0, 2.0
    u, a, y, loss = tiny(w1, w2, x)
    yield "\n".join([
        f"u = w₁·x       = 0.5·2          = {show(u, 4)}",
        f"a = tanh(u)    = tanh(1)        = {show(a, 4)}",
        f"y = w₂·a       = 2·{show(a, 4)}       = {show(y, 4)}",
        f"loss           = ({show(y, 4)} − 1)²/2 = {show(loss, 4)}",
    ])
    d_y, d_w2, d_a, d_u, d_w1, d_x = tiny_gradients(w1, w2, x)
    yield "\n".join([
        f"{'d_y  = y − 1':<43}= {show(d_y, 4, 7)}",
        f"d_w₂ = d_y · a          = {show(d_y, 4)} · {show(a, 4)}  = {show(d_w2, 4, 7)}",
        f"d_a  = d_y · w₂         = {show(d_y, 4)} · 2       = {show(d_a, 4, 7)}",
        f"d_u  = d_a · (1 − a²)   = {show(d_a, 4)} · {show(1 - a * a, 4)}  = {show(d_u, 4, 7)}",
        f"d_w₁ = d_u · x          = {show(d_u, 4)} · 2       = {show(d_w1, 4, 7)}",
        f"d_x  = d_u · w₁         = {show(d_u, 4)} · 0.5     = {show(d_x, 4, 7)}",
    ])
    by_differences = differences(lambda at: tiny(*at[0])[3], [[w1, w2, x]])
    agree([[d_w1, d_w2, d_x]], by_differences)
    h = 0.001
    moved = {"w₁": (w1 + h, w2, x), "w₂": (w1, w2 + h, x), "x ": (w1, w2, x + h)}
    lines = ["nudged by 0.001     loss      change / 0.001     by the chain rule"]
    for (name, at), d in zip(moved.items(), (d_w1, d_w2, d_x)):
        after = tiny(*at)[3]
        lines.append(f"{name:<16}{show(after, 6)}{show((after - loss) / h, 4, 14)}{show(d, 4, 20)}")
    yield "\n".join(lines)
    new1, new2 = w1 - 0.1 * d_w1, w2 - 0.1 * d_w2
    after = tiny(new1, new2, x)[3]
    yield f"w₁ = 0.5 − 0.1·{show(d_w1, 4)} = {show(new1, 4)}      w₂ = 2 − 0.1·{show(d_w2, 4)} = {show(new2, 4)}\nloss: {show(loss, 4)} → {show(after, 4)}"


def time_of_nudging():
    parameters = 109_482_240
    days = parameters * 0.05 / 86_400
    return f"{parameters:,} forward passes · 0.05 s = {days:.0f} days\none forward and one backward pass = {3 * 0.05:.2f} s"


X, W, D_Y = [[1.0, 2.0], [3.0, -1.0]], [[0.5, -1.0], [2.0, 1.0]], [[1.0, -1.0], [0.5, 2.0]]


def a_linear_layer():
    forward = lambda x, w: matmul(x, transpose(w))
    yield rows("y = x·Wᵀ", forward(X, W), 1, 7)
    d_w = agree(matmul(transpose(D_Y), X), differences(lambda w: total(times(D_Y, forward(X, w))), W))
    yield "\n".join([
        f"d_W[0][0] = d_y[0][0]·x[0][0] + d_y[1][0]·x[1][0] = 1·1 + 0.5·3       = {show(d_w[0][0], 1, 5)}",
        f"d_W[0][1] = d_y[0][0]·x[0][1] + d_y[1][0]·x[1][1] = 1·2 + 0.5·(−1)    = {show(d_w[0][1], 1, 5)}",
        f"d_W[1][0] = d_y[0][1]·x[0][0] + d_y[1][1]·x[1][0] = (−1)·1 + 2·3      = {show(d_w[1][0], 1, 5)}",
        f"d_W[1][1] = d_y[0][1]·x[0][1] + d_y[1][1]·x[1][1] = (−1)·2 + 2·(−1)   = {show(d_w[1][1], 1, 5)}",
    ])
    d_x = agree(matmul(D_Y, W), differences(lambda x: total(times(D_Y, forward(x, W))), X))
    yield rows("d_x = d_y·W", d_x, 2, 8)
    yield row("d_b", [sum(column) for column in zip(*D_Y)], 1, 7, 6)


H, F, N, L = 768, 3072, 12, 12


def kept():
    parts = [
        ("layer's input", "H", H),
        ("query, key, value, context", "4·H", 4 * H),
        ("attention's residual sum", "H", H),
        ("intermediate", "F", F),
        ("feed-forward's residual sum", "H", H),
    ]
    line = lambda name, formula, count: f"{name:<30}{formula:<16}{count:>8,}{4 * count:>10,}"
    layer = sum(count for _, _, count in parts)
    assert layer == 7 * H + F
    return "\n".join(
        [f"{'for each token':<30}{'':<16}{'numbers':>8}{'bytes':>10}"]
        + [line(*part) for part in parts]
        + [
            line("one layer", "7·H + F", layer),
            line("12 layers", "L·(7·H + F)", L * layer),
            line("embeddings: the sum", "H", H),
            line("last hidden states", "H", H),
            line("together", "", L * layer + 2 * H),
        ]
    )


def keep_all_or_input():
    everything, inputs, one = L * (7 * H + F), L * H, 6 * H + F
    lines = ["                      numbers for each token       bytes   8 × 128 tokens   passes, in forward passes"]
    for name, count, passes in (("Keep::All", everything, "1 + 2 = 3"), ("Keep::InputOnly", inputs + one, "1 + 1 + 2 = 4")):
        lines.append(f"{name:<22}{count:>22,}{4 * count:>12,}{4 * count * 1024 / 1e6:>14.0f} MB   {passes}")
    lines.append(f"{'probabilities':<22}{L * N * 128:>22,}{4 * L * N * 128:>12,}{4 * L * N * 128 * 1024 / 1e6:>14.0f} MB   at S = 128")
    lines.append(f"{'':<22}{L * N * 512:>22,}{4 * L * N * 512:>12,}{'':>17}   at S = 512")
    return "\n".join(lines)


# ---- derivatives.md -------------------------------------------------------------------------


def derivatives():
    yield scatter_add()
    yield slopes()
    yield slope_facts()
    yield from dropped()
    yield from a_softmax_row()
    yield from a_feed_forward_block()
    yield row("y", [math.tanh(v) for v in (0.5, -2.0, 4.0)]) + "\n" + row("1 − y²", [1 - math.tanh(v) ** 2 for v in (0.5, -2.0, 4.0)])


def scatter_add():
    ids, d_y, d_table = [2, 0, 2], [[1.0, 0.0], [0.0, 1.0], [3.0, -1.0]], [[0.0, 0.0] for _ in range(3)]
    for i, d in zip(ids, d_y):
        d_table[i] = [a + b for a, b in zip(d_table[i], d)]
    table = [[0.3, 0.1], [0.2, -0.4], [0.7, 0.9]]
    agree(d_table, differences(lambda t: total(times(d_y, [t[i] for i in ids])), table))
    return "\n".join(row(f"d_table[{i}]", d, 0, 5, 11) for i, d in enumerate(d_table))


FUNCTIONS = [(gelu, d_gelu), (gelu_tanh, d_gelu_tanh), (math.tanh, lambda x: 1 - math.tanh(x) ** 2),
             (lambda x: x * sigmoid(x), d_silu), (lambda x: max(x, 0.0), d_relu)]


def slopes():
    lines = ["   x     Φ(x)     φ(x)     GELU'   GELU' tanh    tanh'    SiLU'    ReLU'"]
    for x in (-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0):
        for function, derivative in FUNCTIONS:
            if x != 0 or derivative is not d_relu:
                agree([[derivative(x)]], differences(lambda at: function(at[0][0]), [[x]]))
        lines.append(
            show(x, 1, 5) + show(cdf(x), 4, 9) + show(density(x), 4, 9) + show(d_gelu(x), 4, 10)
            + show(d_gelu_tanh(x), 4, 13) + show(1 - math.tanh(x) ** 2, 4, 9) + show(d_silu(x), 4, 9) + show(d_relu(x), 0, 9)
        )
    return "\n".join(lines)


def slope_facts():
    grid = [i / 1000 for i in range(-5000, 5001)]
    largest, lowest = max(grid, key=d_gelu), min(grid, key=d_gelu)
    worst = max(grid, key=lambda x: abs(d_gelu_tanh(x) - d_gelu(x)))
    return (
        f"largest slope of GELU:  {show(d_gelu(largest), 4, 7)} at x = {show(largest, 2, 5)}\n"
        f"lowest:                 {show(d_gelu(lowest), 4, 7)} at x = {show(lowest, 2, 5)}\n"
        f"largest difference of the two forms' slopes: {abs(d_gelu_tanh(worst) - d_gelu(worst)):.4f} at |x| = {abs(worst):.2f}"
    )


def dropped():
    factors, d_y = [[0.0, 1.25, 1.25, 1.25, 0.0]], [[0.4, -0.8, 0.0, 1.6, 2.0]]
    d_x = agree(times(factors, d_y), differences(lambda x: total(times(d_y, times(factors, x))), [[1.0, 2, 3, 4, 5]]))
    yield row("factor", factors[0], 2, 8, 8) + "\n" + row("d_y", d_y[0], 2, 8, 8) + "\n" + row("d_x", d_x[0], 2, 8, 8)


def a_softmax_row():
    x, d_p = [[1.0, 2.0, 3.0]], [[1.0, 0.0, 0.0]]
    p = [softmax(x[0])]
    d_x = agree(softmax_backward(p, d_p), differences(lambda at: total(times(d_p, [softmax(at[0])])), x))
    yield row("p", p[0], 4, 9, 6) + "\n" + row("d_p", d_p[0], 4, 9, 6)
    weighted = sum(a * b for a, b in zip(p[0], d_p[0]))
    yield f"Σ p·d_p = {show(p[0][0], 4)}·1 = {show(weighted, 4)}"
    yield row("d_x", d_x[0], 4, 9, 6)
    both = softmax_backward(p, [[d + 5 for d in d_p[0]]])
    agree(both, d_x)


def a_feed_forward_block():
    """The block of the chapter on feed-forward, x = (1, −1), without LayerNorm."""
    x, d_sum = [[1.0, -1.0]], [[1.0, 0.5]]
    w1, b1 = [[1.0, 0], [0, 1.0], [1.0, 1.0], [1.0, -1.0]], [[0.0, 0.0, 0.5, 0.0]]
    w2 = [[1.0, 0, 0, 1.0], [0, 1.0, 1.0, 0]]
    each = lambda f, m: [[f(v) for v in r] for r in m]
    narrow = lambda x, w1, w2: add(matmul(each(gelu, add(matmul(x, transpose(w1)), b1)), transpose(w2)), x)
    intermediate = add(matmul(x, transpose(w1)), b1)
    activation, slope = each(gelu, intermediate), each(d_gelu, intermediate)
    d_activation = matmul(d_sum, w2)
    d_intermediate = times(slope, d_activation)
    through = matmul(d_intermediate, w1)
    yield row("d_activation", d_activation[0], 4, 9, 16)
    yield "\n".join([
        row("GELU'", slope[0], 4, 9, 16),
        row("d_intermediate", d_intermediate[0], 4, 9, 16),
    ])
    d_x = add(d_sum, through)
    yield "\n".join([
        row("d_sum", d_sum[0], 4, 9, 30),
        row("d_intermediate·W₁", through[0], 4, 9, 30),
        row("d_x, the sum of both", d_x[0], 4, 9, 30),
    ])
    d_w2 = matmul(transpose(d_sum), activation)
    yield rows("d_W₂", d_w2, 4, 9, 8)
    d_w1 = matmul(transpose(d_intermediate), x)
    loss = lambda x, w1, w2: total(times(d_sum, narrow(x, w1, w2)))
    agree(d_x, differences(lambda at: loss(at, w1, w2), x))
    agree(d_w1, differences(lambda at: loss(x, at, w2), w1))
    agree(d_w2, differences(lambda at: loss(x, w1, at), w2))
