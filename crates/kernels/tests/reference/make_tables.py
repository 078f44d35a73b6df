"""Makes activations.csv and rows.txt: expected values in double precision, by Python's own math and plain loops.

python3 make_tables.py, in this folder. Standard library only; inputs are exact in f32, so that f32 and f64 read the same.
"""

import math
import random
import struct

random.seed(20181011)  # the day BERT's paper appeared


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


def write_activations():
    xs = [i / 64 for i in range(-6 * 64, 6 * 64 + 1)]
    xs += [sign * 10 ** (e / 4) for e in range(-60, 8) for sign in (-1, 1)]
    xs += [0.46875, 0.625, 0.9999999, 1.0000001, 4.0000005, 5.999, 6.001, 11.3, -13.7, 40.0, -40.0, 88.7, -87.4, -100.0]
    with open("activations.csv", "w") as file:
        file.write("x,erf,gelu_exact,gelu_tanh,tanh,silu,exp\n")
        for x in sorted(map(f32, xs)):
            file.write(",".join(map(repr, [x, *activations(x)])) + "\n")


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
    eps = f32(1e-12)
    for i, (rows, columns, scale, offset) in enumerate([(1, 1, 1, 0), (3, 7, 2, 1), (2, 32, 1, 1e4), (2, 129, 1e-3, 100), (2, 768, 1, -1e4)]):
        x, weight, bias = matrix(rows, columns, scale, offset), matrix(1, columns)[0], matrix(1, columns)[0]
        out.write(f"layer_norm.{i}.input", x)
        out.write(f"layer_norm.{i}.weight", weight)
        out.write(f"layer_norm.{i}.bias", bias)
        out.write(f"layer_norm.{i}.output", [layer_norm(row, weight, bias, eps) for row in x])
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
        for mask, causal in [("full", False), ("causal", True)]:
            output, probabilities = attention(q, k, v, q_bounds, k_bounds, heads, 0.5, causal)
            out.write(f"attention.{i}.{mask}.output", output)
            out.write(f"attention.{i}.{mask}.probabilities", [p for row in probabilities for p in row])


write_activations()
write_rows()
