#!/usr/bin/env python3
"""Computes every number of the book's worked examples.

    python3 docs/worked_numbers.py            prints them, chapter by chapter
    python3 docs/worked_numbers.py --check    fails where a chapter does not contain what is printed here

Standard library only, and written for the eye, not for speed. It shares no code with the Rust
crates, so it is also a second opinion on them.
"""

import math
import random
import statistics
import sys
from pathlib import Path

from worked_ablations import ablations
from worked_bf16 import half_the_bits
from worked_checkpoints import checkpoints
from worked_explanations import explanations
from worked_gradients import back_propagation, derivatives
from worked_gradients_blocks import attention_backward_chapter, layer_norm_backward_chapter
from worked_int8 import fewer_bits
from worked_instances import masking, next_sentence
from worked_losses import gradient_check, losses
from worked_metrics import metrics
from worked_optimizers import optimizers
from worked_speed import fast_matrix_product, how_fast_can_bert_be
from worked_tokens import tokens
from worked_tiny_world import tiny_world
from worked_training import training_loop
from worked_training_cost import training_cost
from worked_transfer import classification, question_answering, tagging, transfer_learning
from worked_weights_pytorch import weights_pytorch
from worked_weights_tensorflow import weights_tensorflow

SOURCES = Path(__file__).parent / "src"


# ---- the mathematics ------------------------------------------------------------------------


def matmul(a, b):
    return [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]


def transpose(a):
    return [list(column) for column in zip(*a)]


def add(a, b):
    return [[x + y for x, y in zip(r, s)] for r, s in zip(a, b)]


def columns(a, start, end):
    return [row[start:end] for row in a]


def softmax(row):
    largest = max(row)
    powers = [math.exp(x - largest) for x in row]
    return [power / sum(powers) for power in powers]


def layer_norm(row, eps=1e-12):
    mean = sum(row) / len(row)
    variance = sum((x - mean) ** 2 for x in row) / len(row)
    return [(x - mean) / math.sqrt(variance + eps) for x in row]


def self_attention(x):
    """softmax(x·xᵀ/√D)·x: attention whose query, key and value are the token itself."""
    scale = 1 / math.sqrt(len(x[0]))
    scores = [[scale * s for s in row] for row in matmul(x, transpose(x))]
    probabilities = [softmax(row) for row in scores]
    return scores, probabilities, matmul(probabilities, x)


def gelu_exact(x):
    return 0.5 * x * (1 + math.erf(x / math.sqrt(2)))


def gelu_tanh(x):
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def silu(x):
    return x / (1 + math.exp(-x))


def sinusoid(position, width):
    """Vaswani et al., 2017, section 3.5."""
    vector = []
    for i in range(width // 2):
        angle = position / 10000 ** (2 * i / width)
        vector += [math.sin(angle), math.cos(angle)]
    return vector


# ---- printing -------------------------------------------------------------------------------


def number(x, places):
    text = f"{x:.{places}f}"
    return "0" + text[2:] if text.startswith("-0") and float(text) == 0 else text.replace("-", "−")


def line(row, places, width):
    return " ".join(number(x, places).rjust(width) for x in row)


def table(rows, names, places=3, width=7, first=6):
    return "\n".join(name.ljust(first) + line(row, places, width) for name, row in zip(names, rows))


WORDS = ["dog", "bites", "man"]


# ---- chapter by chapter ---------------------------------------------------------------------


def position():
    dog, bites, man = [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]
    first = [dog, bites, man]
    second = [man, bites, dog]
    _, probabilities, mixed = self_attention(first)
    _, other_probabilities, other = self_attention(second)
    yield "the first order:\n" + table(mixed, WORDS)
    yield "the second order:\n" + table(other, WORDS[::-1])
    yield "dog's shares\n" + table(
        [probabilities[0], other_probabilities[2]], ["dog bites man:", "man bites dog:"], first=16
    )
    places = [[0.0, 0.0], [0.0, 0.5], [0.5, 0.0]]
    _, _, placed = self_attention(add(first, places))
    _, _, other_placed = self_attention(add(second, places))
    yield "the first order, with positions:\n" + table(placed, WORDS)
    yield "the second order, with positions:\n" + table(other_placed, WORDS[::-1])
    yield "\n".join(
        f"position {p}".ljust(12) + line(sinusoid(p, 4), 4, 8) for p in (0, 1, 2, 3, 512)
    )
    product = lambda p, q: sum(a * b for a, b in zip(sinusoid(p, 4), sinusoid(q, 4)))
    yield "\n".join(
        f"{p:>3} and {q:>3}:{number(product(p, q), 4).rjust(9)}"
        for p, q in [(0, 3), (5, 8), (500, 503), (0, 10), (500, 510)]
    )


def embeddings():
    word, place, kind = [0.5, -0.25, 0.75, 0.0], [0.25, 0.25, -0.25, 0.5], [0.25, 0.0, 0.0, 0.0]
    total = [sum(parts) for parts in zip(word, place, kind)]
    mean = sum(total) / 4
    variance = sum((x - mean) ** 2 for x in total) / 4
    yield table(
        [word, place, kind, total], ["word", "position", "type", "sum"], places=2, width=7, first=11
    )
    yield f"mean = {number(mean, 2)}, variance = {number(variance, 6)}, √variance = {number(math.sqrt(variance), 4)}"
    yield "LayerNorm  " + line(layer_norm(total), 4, 8)
    # Google's -10000 in the arithmetic of an f32: a third key hidden from a row of scores.
    scores = [1.0, 2.0, 3.0]
    hidden = softmax([1.0, 2.0, 3.0 - 10000.0])
    dropped = softmax(scores[:2])
    yield "masked    " + line(hidden, 4, 8) + "\ndropped   " + line(dropped, 4, 8)


DOG_BITES_MAN = [[2.0, 0.0, 1.0, 0.0], [0.0, 2.0, 0.0, 0.0], [2.0, 0.0, 0.0, 1.0]]
W_K = [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
W_O = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 1, 0, 1]]


def attention():
    x = DOG_BITES_MAN
    query, key, value = x, matmul(x, transpose(W_K)), x
    yield table(x, WORDS, places=0, width=4)
    yield "key\n" + table(key, WORDS, places=0, width=4)
    scale = 1 / math.sqrt(2)
    context = [[], [], []]
    for head in range(2):
        q, k, v = (columns(m, 2 * head, 2 * head + 2) for m in (query, key, value))
        products = matmul(q, transpose(k))
        scores = [[scale * s for s in row] for row in products]
        probabilities = [softmax(row) for row in scores]
        mixed = matmul(probabilities, v)
        context = [row + part for row, part in zip(context, mixed)]
        yield f"head {head}, query·keyᵀ\n" + table(products, WORDS, places=0)
        yield f"head {head}, divided by √2\n" + table(scores, WORDS)
        yield f"head {head}, probabilities\n" + table(probabilities, WORDS)
        yield f"head {head}, context\n" + table(mixed, WORDS)
    powers = [math.exp(0 - 4 * scale), 1.0, math.exp(0 - 4 * scale)]
    yield f"exp(0 − {number(4 * scale, 3)}) = {number(powers[0], 4)}\nexp({number(4 * scale, 3)} − {number(4 * scale, 3)}) = 1\nsum = {number(sum(powers), 4)}"
    yield f"{number(powers[0], 4)} / {number(sum(powers), 4)} = {number(powers[0] / sum(powers), 3)}\n1 / {number(sum(powers), 4)} = {number(1 / sum(powers), 3)}"
    yield "context\n" + table(context, WORDS)
    projected = matmul(context, transpose(W_O))
    yield "projected\n" + table(projected, WORDS)
    total = add(projected, x)
    yield "sum\n" + table(total, WORDS)
    yield "output\n" + table([layer_norm(row) for row in total], WORDS)
    causal = []
    for r, row in enumerate(matmul(columns(query, 0, 2), transpose(columns(key, 0, 2)))):
        causal.append(softmax([scale * s for s in row[: r + 1]]) + [0.0] * (2 - r))
    yield "head 0, causal\n" + table(causal, WORDS)
    yield widths()
    yield "\n".join(share(s) for s in (128, 512, 4608))


def widths():
    """The largest of ten probabilities, on average over random queries and keys."""
    random.seed(1)
    draw = lambda n: [random.gauss(0, 1) for _ in range(n)]
    lines = ["  D   spread of q·k   largest of 10 shares, as it is   divided by √D"]
    for width in (1, 4, 16, 64, 256):
        raw, scaled, products = [], [], []
        for _ in range(1000):
            query = draw(width)
            scores = [sum(a * b for a, b in zip(query, draw(width))) for _ in range(10)]
            products += scores
            raw.append(max(softmax(scores)))
            scaled.append(max(softmax([s / math.sqrt(width) for s in scores])))
        spread = statistics.pstdev(products)
        lines.append(f"{width:>3}{spread:>14.1f}{statistics.mean(raw):>23.2f}{statistics.mean(scaled):>26.2f}")
    return "\n".join(lines)


def share(length, hidden=768):
    pairs, rest = 2 * length * length * hidden, 12 * length * hidden * hidden
    percent = 100 * pairs / (pairs + rest)
    return f"S = {length:>4}:  scores and mixing {pairs / 1e6:>8.1f} million,  linear layers {rest / 1e6:>8.1f} million  ({percent:.0f} %)"


def feed_forward():
    rows = [-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0]
    lines = ["   x     Φ(x)   GELU exact   GELU tanh   tanh − exact     ReLU     SiLU"]
    for x in rows:
        phi = 0.5 * (1 + math.erf(x / math.sqrt(2)))
        exact, approximate = gelu_exact(x), gelu_tanh(x)
        lines.append(
            number(x, 1).rjust(5) + number(phi, 4).rjust(9) + number(exact, 5).rjust(12)
            + number(approximate, 5).rjust(12) + number(approximate - exact, 5).rjust(13)
            + number(max(x, 0), 4).rjust(11) + number(silu(x), 4).rjust(9)
        )
    yield "\n".join(lines)
    grid = [i / 1000 for i in range(-6000, 6001)]
    worst = max(grid, key=lambda x: abs(gelu_tanh(x) - gelu_exact(x)))
    yield f"largest difference {abs(gelu_tanh(worst) - gelu_exact(worst)):.6f} at |x| = {abs(worst):.2f}"
    lowest = min(grid, key=gelu_exact)
    yield f"lowest point of GELU: {number(gelu_exact(lowest), 4)} at x = {number(lowest, 3)}"
    # A block of H = 2, F = 4, by hand.
    x = [1.0, -1.0]
    w1, b1 = [[1, 0], [0, 1], [1, 1], [1, -1]], [0.0, 0.0, 0.5, 0.0]
    w2, b2 = [[1, 0, 0, 1], [0, 1, 1, 0]], [0.0, 0.0]
    wide = [sum(a * b for a, b in zip(row, x)) + bias for row, bias in zip(w1, b1)]
    bent = [gelu_exact(v) for v in wide]
    narrow = [sum(a * b for a, b in zip(row, bent)) + bias for row, bias in zip(w2, b2)]
    yield "intermediate  " + line(wide, 4, 8) + "\nactivation    " + line(bent, 4, 8)
    yield "narrowed      " + line(narrow, 4, 8)
    yield "sum           " + line([a + b for a, b in zip(narrow, x)], 4, 8)
    straight = [sum(a * b for a, b in zip(row, wide)) + bias for row, bias in zip(w2, b2)]
    yield "without the bend  " + line(straight, 4, 8)
    terms, total = [], 0.0
    for n in range(6):
        total += (-1) ** n / (math.factorial(n) * (2 * n + 1))
        terms.append(f"{n + 1} terms: {number(2 / math.sqrt(math.pi) * total, 6)}")
    yield "\n".join(terms) + f"\nerf(1):  {number(math.erf(1), 6)}"


def layer_norm_chapter():
    x = [1.0, 2.0, 3.0, 6.0]
    mean = sum(x) / 4
    centred = [v - mean for v in x]
    variance = sum(v * v for v in centred) / 4
    normal = layer_norm(x)
    yield "x − mean       " + line(centred, 4, 8)
    yield f"mean = {number(mean, 0)}\nvar  = {number(variance, 1)}\n√var = {number(math.sqrt(variance), 4)}"
    yield "normalised     " + line(normal, 4, 8)
    weight, bias = [1.0, 2.0, 1.0, 0.5], [0.0, 1.0, 0.0, -1.0]
    yield "y              " + line([a * w + b for a, w, b in zip(normal, weight, bias)], 4, 8)
    yield "of 10·x + 7    " + line(layer_norm([10 * v + 7 for v in x]), 4, 8)
    yield f"dividing by n − 1: √{number(sum(v * v for v in centred) / 3, 4)} = {number(math.sqrt(sum(v * v for v in centred) / 3), 4)}"
    yield growth()


def growth():
    """The size of a residual stream with and without LayerNorm, each branch adding unit noise."""
    random.seed(2)
    width = 256
    plain = [random.gauss(0, 1) for _ in range(width)]
    normal = list(plain)
    size = lambda v: math.sqrt(sum(a * a for a in v) / len(v))
    lines = ["after   sum only   post-norm"]
    for step in range(1, 25):
        branch = [random.gauss(0, 1) for _ in range(width)]
        plain = [a + b for a, b in zip(plain, branch)]
        normal = layer_norm([a + b for a, b in zip(normal, branch)])
        if step in (1, 4, 12, 24):
            lines.append(f"{step:>5}{size(plain):>11.2f}{size(normal):>12.2f}")
    return "\n".join(lines)


def encoder():
    V, P, K, H, F, L = 30522, 512, 2, 768, 3072, 12
    parts = {
        "word embeddings": V * H,
        "position embeddings": P * H,
        "token type embeddings": K * H,
        "LayerNorm": 2 * H,
    }
    table_sum = sum(parts.values())
    layer = {
        "query": H * H + H,
        "key": H * H + H,
        "value": H * H + H,
        "attention output": H * H + H,
        "LayerNorm": 2 * H,
        "intermediate": F * H + F,
        "output": H * F + H,
        "LayerNorm ": 2 * H,
    }
    one = sum(layer.values())
    pooler = H * H + H
    show = lambda name, count: f"{name:<24}{count:>13,}"
    yield "\n".join(show(n, c) for n, c in parts.items()) + "\n" + show("embeddings", table_sum)
    yield "\n".join(show(n, c) for n, c in layer.items()) + "\n" + show("one layer", one)
    total = table_sum + L * one + pooler
    yield "\n".join(
        [
            show("embeddings", table_sum),
            show("12 layers", L * one),
            show("pooler", pooler),
            show("BERT-base", total),
        ]
    )
    yield f"{4 * (H * H + H):,} for attention, {F * H + F + H * F + H:,} for feed-forward"
    masked_lm = V + H * H + H + 2 * H
    yield show("masked-LM head", masked_lm) + "\n" + show("next-sentence head", 2 * H + 2)
    large = V * 1024 + P * 1024 + K * 1024 + 2 * 1024
    large += 24 * (4 * (1024 * 1024 + 1024) + 4 * 1024 + 2 * 1024 * 4096 + 4096 + 1024)
    large += 1024 * 1024 + 1024
    yield f"BERT-large: {large:,}"
    yield f"{total * 4 / 1e6:.0f} MB"
    T = 512
    kept = T * (5 * H + F + H)
    yield f"{kept:,} numbers, {kept * 4 / 1e6:.1f} MB"
    yield f"{12 * 512 * 512:,}"


def heads():
    # A tied decoder with H = 2 and four words.
    words = ["dog", "cat", "bites", "the"]
    tables = [[1.0, 1.0], [1.0, 0.5], [-1.0, 1.0], [0.0, 0.0]]
    bias = [0.0, 0.0, 0.0, 1.0]
    transformed = [1.0, 0.5]
    logits = [sum(a * b for a, b in zip(row, transformed)) + b for row, b in zip(tables, bias)]
    shares = softmax(logits)
    rows = ["         logit    probability"]
    for word, logit, share_ in zip(words, logits, shares):
        rows.append(f"{word:<6}{number(logit, 2).rjust(8)}{number(share_, 3).rjust(12)}")
    yield "\n".join(rows)
    # A span: four tokens.
    names = ["It", "bit", "the", "man"]
    start, end = [0.0, 1.0, 3.0, 2.0], [1.0, 0.0, 0.5, 3.0]
    best = sorted(
        ((start[i] + end[j], i, j) for i in range(4) for j in range(i, 4)), reverse=True
    )[:3]
    yield "\n".join(f"{number(s, 1)}   {' '.join(names[i:j + 1])}" for s, i, j in best)
    yield "tanh: " + line([math.tanh(v) for v in (0.5, -2.0, 4.0)], 4, 8)
    follows = softmax([3.0, -1.0])
    yield f"follows {number(follows[0], 3)}, random {number(follows[1], 3)}"
    scores = [2.0, 0.0, -1.0]
    yield "softmax  " + line(softmax(scores), 3, 7)
    yield "sigmoid  " + line([1 / (1 + math.exp(-s)) for s in scores], 3, 7)


CHAPTERS = {
    "tokens.md": tokens,
    "position.md": position,
    "embeddings.md": embeddings,
    "attention.md": attention,
    "feed_forward.md": feed_forward,
    "layer_norm.md": layer_norm_chapter,
    "encoder.md": encoder,
    "heads.md": heads,
    "back_propagation.md": back_propagation,
    "derivatives.md": derivatives,
    "layer_norm_backward.md": layer_norm_backward_chapter,
    "attention_backward.md": attention_backward_chapter,
    "losses.md": losses,
    "optimizers.md": optimizers,
    "gradient_check.md": gradient_check,
    "masking.md": masking,
    "next_sentence.md": next_sentence,
    "tiny_world.md": tiny_world,
    "training_loop.md": training_loop,
    "checkpoints.md": checkpoints,
    "ablations.md": ablations,
    "explanations.md": explanations,
    "transfer_learning.md": transfer_learning,
    "classification.md": classification,
    "tagging.md": tagging,
    "question_answering.md": question_answering,
    "metrics.md": metrics,
    "fast_matrix_product.md": fast_matrix_product,
    "how_fast_can_bert_be.md": how_fast_can_bert_be,
    "training_cost.md": training_cost,
    "half_the_bits.md": half_the_bits,
    "fewer_bits.md": fewer_bits,
    "weights_tensorflow.md": weights_tensorflow,
    "weights_pytorch.md": weights_pytorch,
}


def main():
    missing = 0
    for chapter, numbers in CHAPTERS.items():
        if "--check" not in sys.argv:
            print(f"==== {chapter}\n")
            print("\n\n".join(numbers()), end="\n\n")
            continue
        text = (SOURCES / chapter).read_text(encoding="utf-8")
        for block in numbers():
            if block not in text:
                missing += 1
                print(f"{SOURCES / chapter} does not contain:\n\n{block}\n")
    if missing:
        sys.exit(f"{missing} blocks of numbers are not in the book as docs/worked_numbers.py computes them")


if __name__ == "__main__":
    main()
