"""Makes activations.csv and rows.txt: expected values in double precision. Functions are computed by Python's own math and plain
loops, derivatives by PyTorch's autograd in float64.

python make_tables.py, in this folder, with PyTorch installed. Inputs are exact in f32, so that f32 and f64 read the same.
"""

import math
import random
import struct

import torch

random.seed(20181011)  # the day BERT's paper appeared
gradients = random.Random(1986)  # numbers that only derivatives need, drawn apart; the year of back-propagation's paper
torch.set_default_dtype(torch.float64)


def f32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def activations(x):
    exp = lambda y: math.inf if y > 709 else math.exp(y)
    u = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return [
        math.erf(x),
        0.5 * x * math.erfc(-x / math.sqrt(2)),  # 1 + erf(y) = erfc(-y), which keeps its digits in the tail
        x / (1 + exp(-2 * u)),  # (1 + tanh(u)) / 2 = 1 / (1 + exp(-2u)), likewise
        math.tanh(x),
        x / (1 + exp(-x)),
        exp(x),
    ]


def derivatives(xs):
    """Per x, that of each activation."""
    functional = torch.nn.functional
    columns = []
    for function in [functional.gelu, lambda x: functional.gelu(x, approximate="tanh"), functional.relu, torch.tanh, functional.silu]:
        x = torch.tensor(xs, requires_grad=True)
        function(x).sum().backward()
        columns.append(x.grad.tolist())
    return list(zip(*columns))


def write_activations():
    xs = [i / 64 for i in range(-6 * 64, 6 * 64 + 1)]
    xs += [sign * 10 ** (e / 4) for e in range(-60, 8) for sign in (-1, 1)]
    xs += [0.46875, 0.625, 0.9999999, 1.0000001, 4.0000005, 5.999, 6.001, 11.3, -13.7, 40.0, -40.0, 88.7, -87.4, -100.0]
    with open("activations.csv", "w") as file:
        file.write("x,erf,gelu_exact,gelu_tanh,tanh,silu,exp,d_gelu_exact,d_gelu_tanh,d_relu,d_tanh,d_silu\n")
        xs = sorted(map(f32, xs))
        for x, of_x in zip(xs, derivatives(xs)):
            file.write(",".join(map(repr, [x, *activations(x), *of_x])) + "\n")


def matrix(rows, columns, scale=1.0, offset=0.0):
    return [[f32(random.gauss(offset, scale)) for _ in range(columns)] for _ in range(rows)]


def softmax(row):
    largest = max(row)
    exps = [math.exp(x - largest) for x in row]
    return [e / math.fsum(exps) for e in exps]


def layer_norm(row, weight, bias, eps):
    mean = math.fsum(row) / len(row)
    variance = math.fsum((x - mean) ** 2 for x in row) / len(row)
    return [(x - mean) / math.sqrt(variance + eps) * w + b for x, w, b in zip(row, weight, bias)]


def attention(q, k, v, q_bounds, k_bounds, heads, scale, causal):
    """The output, and the probabilities row by row, heads one after the other, hidden keys as 0."""
    size = len(q[0]) // heads
    output = [[0.0] * len(q[0]) for _ in q]
    probabilities = []
    for q0, q1, k0, k1 in zip(q_bounds, q_bounds[1:], k_bounds, k_bounds[1:]):
        for head in range(heads):
            columns = range(head * size, (head + 1) * size)
            for i in range(q0, q1):
                # Aligned at the ends: the last query sees every key.
                keys = [j for j in range(k0, k1) if not causal or k1 - j >= q1 - i]
                if not keys:
                    probabilities.append([0.0] * (k1 - k0))
                    continue
                p = softmax([scale * math.fsum(q[i][c] * k[j][c] for c in columns) for j in keys])
                probabilities.append(p + [0.0] * (k1 - k0 - len(p)))
                for c in columns:
                    output[i][c] = math.fsum(w * v[j][c] for w, j in zip(p, keys))
    return output, probabilities


def gradient_of(rows, columns):
    """What the loss might have as its gradient with respect to a result of this shape."""
    return [[f32(gradients.gauss(0, 1)) for _ in range(columns)] for _ in range(rows)]


def backward(output, d_output, *inputs):
    """The gradients with respect to `inputs`, as lists."""
    return [d.tolist() for d in torch.autograd.grad(output, inputs, torch.tensor(d_output))]


def leaf(x):
    return torch.tensor(x, requires_grad=True)


def attention_backward(q, k, v, q_bounds, k_bounds, heads, scale, causal, factors, d_output):
    """The gradients of q, k and v. `factors` multiply the probabilities: a row for each head and query, as long as the longest
    sequence of keys."""
    q, k, v = leaf(q), leaf(k), leaf(v)
    size = q.shape[1] // heads
    output = torch.zeros(q.shape)
    for q0, q1, k0, k1 in zip(q_bounds, q_bounds[1:], k_bounds, k_bounds[1:]):
        for head in range(heads):
            columns = slice(head * size, (head + 1) * size)
            for i in range(q0, q1):
                keys = slice(k0, k1 - (q1 - 1 - i) if causal else k1)
                if keys.stop > keys.start:
                    p = torch.softmax(scale * (k[keys, columns] @ q[i, columns]), 0)
                    p = p * torch.tensor(factors[head * len(q) + i][: len(p)])
                    row = torch.nn.functional.pad(p @ v[keys, columns], (columns.start, q.shape[1] - columns.stop))
                    output = output + torch.outer(torch.eye(len(q))[i], row)
    return backward(output, d_output, q, k, v)


def mix(counter):
    """The output function of SplitMix64 (Steele, Lea and Flood, 2014), its state `counter` + 1 steps after 0."""
    z = (counter + 1) * 0x9E3779B97F4A7C15 % 2**64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31


def dropout_factor(key, row, column, rate):
    two = mix((mix(key ^ mix(row)) + column // 2) % 2**64)
    return 0.0 if (two >> 32 * (column % 2)) % 2**32 < rate * 2**32 else 1 / (1 - rate)


class Writer:
    """One array per line: name, shape, values."""

    def __init__(self, path):
        self.file = open(path, "w")

    def write(self, name, rows):
        rows = rows if rows and isinstance(rows[0], list) else [rows]
        values = " ".join(repr(x) for row in rows for x in row)
        self.file.write(f"{name} {len(rows)} {sum(map(len, rows))} {values}\n")


def write_rows():
    out = Writer("rows.txt")
    inputs = [matrix(1, 1), matrix(3, 5, 3.0), matrix(2, 17, 30.0), matrix(4, 8), matrix(2, 129, 5.0)]
    inputs.append([[1e4, 9999.0, -1e4], [-1e30, 0.0, 1.0], [7.5, 7.5, 7.5], [-math.inf, 2.0, -math.inf], [-1e30, -1e30, -1e30]])
    for i, x in enumerate([[list(map(f32, row)) for row in x] for x in inputs]):
        out.write(f"softmax.{i}.input", x)
        out.write(f"softmax.{i}.output", [softmax(row) for row in x])
        d_output, scores = gradient_of(len(x), len(x[0])), leaf(x)
        out.write(f"softmax.{i}.d_output", d_output)
        out.write(f"softmax.{i}.d_input", *backward(torch.softmax(scores, 1), d_output, scores))
        out.write(f"softmax.{i}.log_sum", torch.logsumexp(scores, 1).tolist())
    eps = f32(1e-12)
    for i, (rows, columns, scale, offset) in enumerate([(1, 1, 1, 0), (3, 7, 2, 1), (2, 32, 1, 1e4), (2, 129, 1e-3, 100), (2, 768, 1, -1e4)]):
        x, weight, bias = matrix(rows, columns, scale, offset), matrix(1, columns)[0], matrix(1, columns)[0]
        out.write(f"layer_norm.{i}.input", x)
        out.write(f"layer_norm.{i}.weight", weight)
        out.write(f"layer_norm.{i}.bias", bias)
        out.write(f"layer_norm.{i}.output", [layer_norm(row, weight, bias, eps) for row in x])
        d_output, leaves = gradient_of(rows, columns), [leaf(x), leaf(weight), leaf(bias)]
        out.write(f"layer_norm.{i}.d_output", d_output)
        output = torch.nn.functional.layer_norm(leaves[0], (columns,), leaves[1], leaves[2], eps)
        for name, value in zip(["d_input", "d_weight", "d_bias"], backward(output, d_output, *leaves)):
            out.write(f"layer_norm.{i}.{name}", value)
    cases = [
        ([0, 3, 3, 7], [0, 4, 6, 6], 2, 3),  # no queries, then no keys
        ([0, 1, 6, 8], [0, 1, 6, 12], 1, 4),  # more keys than queries
        ([0, 5, 9], [0, 2, 6], 3, 2),  # fewer
    ]
    for i, (q_bounds, k_bounds, heads, size) in enumerate(cases):
        q = matrix(q_bounds[-1], heads * size)
        k, v = matrix(k_bounds[-1], heads * size), matrix(k_bounds[-1], heads * size)
        for name, value in [("q", q), ("k", k), ("v", v), ("q_bounds", q_bounds), ("k_bounds", k_bounds), ("heads", [heads])]:
            out.write(f"attention.{i}.{name}", value)
        d_output = gradient_of(q_bounds[-1], heads * size)
        longest = max(b - a for a, b in zip(k_bounds, k_bounds[1:]))
        rows = heads * q_bounds[-1]
        # Dropout with a rate of 1/5.
        dropout = [[gradients.choice([0.0, 1.25, 1.25, 1.25, 1.25]) for _ in range(longest)] for _ in range(rows)]
        out.write(f"attention.{i}.d_output", d_output)
        out.write(f"attention.{i}.dropout", dropout)
        for mask, causal in [("full", False), ("causal", True)]:
            output, probabilities = attention(q, k, v, q_bounds, k_bounds, heads, 0.5, causal)
            out.write(f"attention.{i}.{mask}.output", output)
            out.write(f"attention.{i}.{mask}.probabilities", [p for row in probabilities for p in row])
            for kind, factors in [("plain", [[1.0] * longest] * rows), ("dropout", dropout)]:
                d = attention_backward(q, k, v, q_bounds, k_bounds, heads, 0.5, causal, factors, d_output)
                for name, value in zip(["d_q", "d_k", "d_v"], d):
                    out.write(f"attention.{i}.{mask}.{kind}.{name}", value)
    for i, (key, row, column, rate) in enumerate([(0, 0, 0, 0.1), (2**52 + 5, 7, 3, 0.5), (123456789, 2**40, 2**33 + 1, 0.9)]):
        out.write(f"dropout.{i}.place", [float(key), float(row), float(column), rate])
        out.write(f"dropout.{i}.factors", [dropout_factor(key, row, column + j, rate) for j in range(150)])


write_activations()
write_rows()
