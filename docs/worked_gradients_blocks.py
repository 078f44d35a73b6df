"""The numbers of the chapters on LayerNorm and attention backwards; worked_numbers.py prints and checks them.

As in worked_gradients.py, every gradient is compared with finite differences of the loss. Standard library only.
"""

import math

from worked_gradients import (
    add, agree, differences, left, matmul, row, rows, softmax, softmax_backward, times, total, transpose,
)
from worked_optimizers import show

# ---- layer_norm_backward.md -----------------------------------------------------------------

X, WEIGHT, BIAS, D_Y = [1.0, 2.0, 3.0, 6.0], [1.0, 2.0, 1.0, 0.5], [0.0, 1.0, 0.0, -1.0], [1.0, 1.0, -1.0, 2.0]


def normalise(x, eps=0.0):
    """x̂ and √(var + eps)."""
    mean = sum(x) / len(x)
    std = math.sqrt(sum((v - mean) ** 2 for v in x) / len(x) + eps)
    return [(v - mean) / std for v in x], std


def layer_norm(x, weight, bias, eps=0.0):
    return [v * w + b for v, w, b in zip(normalise(x, eps)[0], weight, bias)]


def layer_norm_backward(x, weight, d_y, eps=0.0):
    normal, std = normalise(x, eps)
    g = [d * w for d, w in zip(d_y, weight)]
    mean_g, mean_gx = sum(g) / len(g), sum(a * b for a, b in zip(g, normal)) / len(g)
    return [(a - mean_g - n * mean_gx) / std for a, n in zip(g, normal)]


def weighted(d_y, y):
    return sum(d * v for d, v in zip(d_y, y))


def layer_norm_backward_chapter():
    normal, std = normalise(X)
    yield "\n".join([
        row("x", X, 4, 9, 8), row("x̂", normal, 4, 9, 8), row("weight", WEIGHT, 4, 9, 8), row("d_y", D_Y, 4, 9, 8),
    ])
    d_weight = [d * n for d, n in zip(D_Y, normal)]
    loss = lambda x=X, weight=WEIGHT, bias=BIAS: weighted(D_Y, layer_norm(x, weight, bias))
    agree([d_weight], differences(lambda at: loss(weight=at[0]), [WEIGHT]))
    agree([D_Y], differences(lambda at: loss(bias=at[0]), [BIAS]))
    yield row("d_weight", d_weight, 4, 9, 10) + "\n" + row("d_bias", D_Y, 4, 9, 10)
    g = [d * w for d, w in zip(D_Y, WEIGHT)]
    mean_g = sum(g) / 4
    products = [a * b for a, b in zip(g, normal)]
    mean_gx = sum(products) / 4
    yield row("g", g, 4, 9, 8) + f"     mean(g)    = {show(mean_g, 4, 7)}\n" + row("g·x̂", products, 4, 9, 8) + f"     mean(g·x̂) = {show(mean_gx, 4, 7)}"
    centred = [a - mean_g for a in g]
    projected = [a - n * mean_gx for a, n in zip(centred, normal)]
    d_x = layer_norm_backward(X, WEIGHT, D_Y)
    yield "\n".join([
        row("g − mean(g)", centred, 4, 9, 22),
        row("x̂ · mean(g·x̂)", [n * mean_gx for n in normal], 4, 9, 22),
        row("the difference", projected, 4, 9, 22),
        row("d_x: divided by 1.8708", d_x, 4, 9, 22),
    ])
    assert f"{std:.4f}" == "1.8708"
    by_differences = differences(lambda at: loss(x=at[0]), [X])
    agree([d_x], by_differences)
    yield nudge_table(d_x)
    yield f"Σ d_x     = {show(sum(d_x), 4)}\nΣ d_x·x̂  = {show(weighted(d_x, normal), 4)}"
    yield with_eps()
    yield mistakes(d_x)
    yield smaller_rows()


def nudge_table(d_x):
    loss = lambda x: weighted(D_Y, layer_norm(x, WEIGHT, BIAS))
    lines = ["          loss at x + 0.001    loss at x − 0.001    difference / 0.002       d_x"]
    for i, d in enumerate(d_x):
        after, before = (loss([v + step * (i == j) for j, v in enumerate(X)]) for step in (0.001, -0.001))
        lines.append(f"x[{i}]{show(after, 6, 18)}{show(before, 6, 21)}{show((after - before) / 0.002, 4, 20)}{show(d, 4, 17)}")
    return "\n".join(lines)


def with_eps():
    """How far d_x is from being at right angles to the ones and to x̂ when eps is not zero."""
    lines = ["eps        Σ d_x     Σ d_x·x̂"]
    for text, eps in (("0", 0.0), ("1e-12", 1e-12), ("0.5", 0.5)):
        normal, _ = normalise(X, eps)
        d_x = layer_norm_backward(X, WEIGHT, D_Y, eps)
        agree([d_x], differences(lambda at: weighted(D_Y, layer_norm(at[0], WEIGHT, BIAS, eps)), [X]))
        lines.append(f"{text:<8}{show(sum(d_x), 4, 8)}{show(weighted(d_x, normal), 4, 11)}")
    return "\n".join(lines)


def mistakes(right):
    normal, std = normalise(X)
    g = [d * w for d, w in zip(D_Y, WEIGHT)]
    mean = lambda values: sum(values) / len(values)
    product = lambda a, b: [x * y for x, y in zip(a, b)]
    y = layer_norm(X, WEIGHT, BIAS)
    mg, mgx = mean(g), mean(product(g, normal))
    wrong_std = std * math.sqrt(4 / 3)
    cases = [
        ("right", right),
        ("mean and variance as constants", [a / std for a in g]),
        ("without mean(g)", [(a - n * mgx) / std for a, n in zip(g, normal)]),
        ("without x̂·mean(g·x̂)", [(a - mg) / std for a in g]),
        ("d_y in place of g", layer_norm_backward(X, [1.0] * 4, D_Y)),
        ("weight at the end", product(layer_norm_backward(X, [1.0] * 4, D_Y), WEIGHT)),
        ("y in place of x̂", [(a - mg - v * mean(product(g, y))) / std for a, v in zip(g, y)]),
        ("√ with H − 1", [(a - mg - n * mgx) / wrong_std for a, n in zip(g, normal)]),
    ]
    size = math.sqrt(sum(d * d for d in right))
    lines = ["                                             d_x                     error       Σ d_x    Σ d_x·x̂"]
    for name, d_x in cases:
        error = math.sqrt(sum((a - b) ** 2 for a, b in zip(d_x, right))) / size
        lines.append(
            row(name, d_x, 4, 9, 31)
            + f"{100 * error:>8.0f} %{show(sum(d_x), 4, 11)}{show(weighted(d_x, normal), 4, 11)}"
        )
    return "\n".join(lines)


def smaller_rows():
    lines = []
    for name, scale in (("x / 10", 0.1), ("x", 1.0), ("10·x", 10.0)):
        lines.append(row(f"d_x at {name}", layer_norm_backward([scale * v for v in X], WEIGHT, D_Y), 4, 9, 14))
    return "\n".join(lines)


# ---- attention_backward.md ------------------------------------------------------------------

# Two tokens, one head of two columns. W_q and W_v make the query and the value of x, which is its own key.
TOKENS = [[1.0, 0.0], [0.0, 1.0]]
W_Q, W_K, W_V = [[2.0, 1.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 2.0]]
D_O = [[1.0, 0.0], [1.0, -1.0]]
SCALE = 1 / math.sqrt(2)
ONES, FACTORS = [[1.0, 1.0], [1.0, 1.0]], [[2.0, 0.0], [2.0, 2.0]]


def project(x, w):
    return matmul(x, transpose(w))


def probabilities(q, k):
    return [softmax(r) for r in times(matmul(q, transpose(k)), SCALE)]


def mix(q, k, v, factors=ONES):
    return matmul(times(factors, probabilities(q, k)), v)


def mix_backward(q, k, v, d_o, factors=ONES):
    """d_P̃, d_S, d_Q, d_K, d_V."""
    p = probabilities(q, k)
    d_v = matmul(transpose(times(factors, p)), d_o)
    d_dropped = matmul(d_o, transpose(v))
    d_s = softmax_backward(p, times(factors, d_dropped))
    return d_dropped, d_s, times(matmul(d_s, k), SCALE), times(matmul(transpose(d_s), q), SCALE), d_v


def checked(q, k, v, d_o, factors=ONES):
    found = mix_backward(q, k, v, d_o, factors)
    loss = lambda q=q, k=k, v=v: total(times(d_o, mix(q, k, v, factors)))
    agree(found[2], differences(lambda at: loss(q=at), q))
    agree(found[3], differences(lambda at: loss(k=at), k))
    agree(found[4], differences(lambda at: loss(v=at), v))
    return found


def attention_backward_chapter():
    q, k, v = (project(TOKENS, w) for w in (W_Q, W_K, W_V))
    p = probabilities(q, k)
    yield "\n".join([
        rows("query·keyᵀ", matmul(q, transpose(k)), 4, 9), rows("S", times(matmul(q, transpose(k)), SCALE), 4, 9),
        rows("P", p, 4, 9), rows("O = P·V", mix(q, k, v), 4, 9),
    ])
    d_p, d_s, d_q, d_k, d_v = checked(q, k, v, D_O)
    yield rows("d_V = Pᵀ·d_O", d_v)
    yield rows("d_P = d_O·Vᵀ", d_p)
    jacobian = [[p[0][i] * ((i == j) - p[0][j]) for j in range(2)] for i in range(2)]
    yield rows("slopes of row 0", jacobian, 4, 9, 18)
    sums = [[sum(r)] for r in times(p, d_p)]
    yield f"row 0: Σ P∘d_P = {show(p[0][0], 4)}·1 + {show(p[0][1], 4)}·0 = {show(sums[0][0], 4, 7)}\nrow 1: Σ P∘d_P = {show(p[1][0], 4)}·1 + {show(p[1][1], 4)}·(−2) = {show(sums[1][0], 4, 7)}"
    yield "\n".join([
        f"d_S[0][0] = {show(p[0][0], 4)}·(1 − {show(sums[0][0], 4)})    = {show(d_s[0][0], 4, 7)}",
        f"d_S[0][1] = {show(p[0][1], 4)}·(0 − {show(sums[0][0], 4)})    = {show(d_s[0][1], 4, 7)}",
        f"d_S[1][0] = {show(p[1][0], 4)}·(1 + {show(-sums[1][0], 4)})    = {show(d_s[1][0], 4, 7)}",
        f"d_S[1][1] = {show(p[1][1], 4)}·(−2 + {show(-sums[1][0], 4)})   = {show(d_s[1][1], 4, 7)}",
    ])
    yield rows("d_Q = d_S·K/√2", d_q, 4, 9, 17) + "\n" + rows("d_K = d_Sᵀ·Q/√2", d_k, 4, 9, 17)
    yield row("d_b_k", [sum(c) for c in zip(*d_k)])
    yield from the_input(q, k, v, d_q, d_k, d_v)
    yield from with_dropout(q, k, v, p)
    yield attention_mistakes(q, k, v)
    yield attention_costs()


def the_input(q, k, v, d_q, d_k, d_v):
    """d_O stands for d_sum too: W_o leaves everything as it is, and LayerNorm is left out."""
    parts = [D_O, matmul(d_q, W_Q), matmul(d_k, W_K), matmul(d_v, W_V)]
    d_x = add(*parts)
    block = lambda x: add(mix(project(x, W_Q), project(x, W_K), project(x, W_V)), x)
    agree(d_x, differences(lambda x: total(times(D_O, block(x))), TOKENS))
    names = ["d_sum", "d_Q·W_q", "d_K·W_k", "d_V·W_v"]
    yield "\n".join(rows(name, part) for name, part in zip(names, parts)) + "\n" + rows("d_x", d_x)
    d_w = matmul(transpose(d_q), TOKENS)
    loss = lambda w: total(times(D_O, mix(project(TOKENS, w), k, v)))
    agree(d_w, differences(loss, W_Q))
    yield rows("d_W_q = d_Qᵀ·x", d_w, 4, 9, 16)


def with_dropout(q, k, v, p):
    _, d_s, d_q, d_k, d_v = checked(q, k, v, D_O, FACTORS)
    d_dropped = matmul(D_O, transpose(v))
    yield "\n".join([
        rows("m", FACTORS), rows("P̃ = m ∘ P", times(FACTORS, p)),
        rows("d_V = P̃ᵀ·d_O", d_v), rows("d_P", times(FACTORS, d_dropped)), rows("d_S", d_s),
    ])


def attention_mistakes(q, k, v):
    """The error of d_Q and d_K when a line is wrong, with dropout on."""
    _, right_s, right_q, right_k, right_v = mix_backward(q, k, v, D_O, FACTORS)
    p = probabilities(q, k)
    d_dropped = matmul(D_O, transpose(v))
    ends = lambda d_s, scale=SCALE: (times(matmul(d_s, k), scale), times(matmul(transpose(d_s), q), scale))
    with_p = matmul(transpose(p), D_O)
    cases = [
        ("without 1/√D", *ends(right_s, 1.0), right_v),
        ("softmax without the sum", *ends(times(p, times(FACTORS, d_dropped))), right_v),
        ("softmax with P̃ for P", *ends(softmax_backward(times(FACTORS, p), times(FACTORS, d_dropped))), right_v),
        ("d_P without m", *ends(softmax_backward(p, d_dropped)), right_v),
        ("d_V with P for P̃", right_q, right_k, with_p),
        ("Q and K exchanged", times(matmul(transpose(right_s), k), SCALE), times(matmul(right_s, q), SCALE), right_v),
    ]
    size = lambda m: math.sqrt(sum(x * x for r in m for x in r))
    error = lambda a, b: f"{100 * size(add(a, times(b, -1.0))) / size(b):>7.0f} %"
    lines = ["error of                       d_Q      d_K      d_V"]
    for name, d_q, d_k, d_v in cases:
        lines.append(left(name, 25) + error(d_q, right_q) + error(d_k, right_k) + error(d_v, right_v))
    return "\n".join(lines)


def attention_costs(hidden=768, heads=12, layers=12):
    lines = ["   S   all P of 12 layers   blocks of 128 queries   S²·H, million   share of the layer's training step"]
    for length in (128, 512):
        kept = layers * heads * length * length * 4
        block = 2 * min(128, length) * length * 4
        product = length * length * hidden
        step = 3 * (2 * product + 12 * length * hidden * hidden) + product
        lines.append(
            f"{length:>4}{kept / 1e6:>14.1f} MB{block / 1e6:>19.2f} MB{product / 1e6:>19.1f}{100 * product / step:>18.1f} %"
        )
    return "\n".join(lines)
