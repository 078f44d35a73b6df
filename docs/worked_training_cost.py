"""The numbers of the chapter on the cost of a training step; worked_numbers.py prints and checks them.

Standard library only. Everything is for BERT-base with a classifier of two classes, 8 sequences of 128 tokens.
"""

from worked_gradients import kept
from worked_speed import FORMULAS, flops, intensity

B, S, H, F, L, V = 8, 128, 768, 3072, 12, 30522
T = B * S
PEAK, BANDWIDTH = 200e9, 20e9  # the example machine of the chapters on speed
# How many products the backward pass has for each one of the forward pass, and why.
LINEAR, SCORES, MIXING = 2, 3, 2
BACKWARD = {"scores": SCORES, "mixing": MIXING}


def operations():
    """(part, forward, backward) of one layer on the whole batch."""
    counts = flops(S, H, F)
    return [(part, B * count, B * count * BACKWARD.get(part, LINEAR)) for part, count in counts.items()]


def operations_table():
    lines = [f"{'part':<20}{'formula':<12}{'forward':>9}{'products backward':>20}{'backward':>11}"]
    for part, forward, backward in operations():
        lines.append(f"{part:<20}{'B·' + FORMULAS[part]:<12}{forward / 1e9:>9.3f}{backward // forward:>20}{backward / 1e9:>11.3f}")
    forward, backward = (sum(row[i] for row in operations()) for i in (1, 2))
    lines.append(f"{'one layer':<32}{forward / 1e9:>9.3f}{'':>20}{backward / 1e9:>11.3f}")
    lines.append(f"{'12 layers':<32}{L * forward / 1e9:>9.2f}{'':>20}{L * backward / 1e9:>11.2f}")
    return "\n".join(lines), L * forward, L * backward


def parameters():
    layer = 4 * (H * H + H) + 2 * H * F + F + H + 4 * H
    parts = [
        ("word table", "V·H", V * H),
        ("positions, types, LayerNorm", "(512 + 2 + 2)·H", 516 * H),
        ("12 layers", f"12 · {layer:,}", L * layer),
        ("pooler", "H² + H", H * H + H),
        ("two classes", "2·H + 2", 2 * H + 2),
    ]
    total = sum(count for _, _, count in parts)
    assert total == 109_483_778  # as PyTorch counts BertForSequenceClassification
    rows = [f"{name:<30}{formula:<18}{count:>12,}" for name, formula, count in parts]
    return "\n".join([*rows, f"{'together':<48}{total:>12,}"]), total


def optimizer_bytes(count):
    """Numbers of 4 bytes, in units of one number for each parameter."""
    size = 4 * count
    passes = [("length of the gradient: read g", 1), ("AdamW: read p, g, m, v", 4), ("AdamW: write p, m, v", 3)]
    rows = [f"{name:<34}{n} · {size / 1e6:.0f} MB{n * size / 1e6:>10,.0f} MB" for name, n in passes]
    total = sum(n for _, n in passes) * size
    rows.append(f"{'together':<34}{'':<10}{total / 1e6:>11,.0f} MB")
    return "\n".join(rows), total


def memory_table(count):
    per_token = 4 * (L * (7 * H + F) + 2 * H)
    assert f"{per_token:,}" in kept()
    rows = [
        ("parameters", 4 * count),
        ("both moments of AdamW", 8 * count),
        ("gradients", 4 * count),
        (f"activations, {T:,} · {per_token:,}", T * per_token),
    ]
    show = lambda rows: "\n".join(f"{name:<36}{size / 1e6:>9,.1f} MB" for name, size in rows)
    yield show(rows)
    yield f"All four together are {sum(size for _, size in rows) / 1e6:,.0f} MB"
    # Gradients and activations are never there together, so the larger counts.
    assert T * per_token < 4 * count
    rows = [("parameters and moments", 12 * count), ("gradients, more than the activations", 4 * count)]
    total = sum(size for _, size in rows)
    yield show(rows) + f"\n{'together':<36}{total / 1e6:>9,.1f} MB = {total / 2**20:,.0f} MiB"
    yield f"4 · {count:,} / {per_token:,} = {4 * count / per_token:,.0f} tokens"
    assert 8 * S < 4 * count / per_token < 9 * S
    inputs = 4 * (L * H + 6 * H + F)
    assert inputs == 67_584  # as in the chapter on back-propagation
    yield f"activations are {4096 * per_token / 1e6:,.0f} MB, and with their inputs alone {4096 * inputs / 1e6:,.0f} MB"
    layer = 4 * (4 * (H * H + H) + 2 * H * F + F + H + 4 * H)
    yield f"{layer / 1e6:.1f} MB come and {T * 4 * (7 * H + F) / 1e6:.1f} MB go"


def training_cost():
    table, forward, backward = operations_table()
    assert f"{L * sum(row[1] for row in operations()) / 8e9:.2f}" == "22.35"  # as in the chapter before
    yield table
    total = forward + backward
    yield f"{forward / 1e9:.2f} + {backward / 1e9:.2f} = {total / 1e9:.2f} GFLOP"
    yield f"{backward / forward:.3f} times"
    counts, count = parameters()
    yield counts
    moved, size = optimizer_bytes(count)
    yield moved
    assert size == 32 * count
    rows = [
        ("forward and backward", f"{total / 1e9:.1f} GFLOP", f"at 200 GFLOP/s", total / PEAK),
        ("clipping and AdamW", f"{size / 1e9:.2f} GB", f"at 20 GB/s", size / BANDWIDTH),
    ]
    lines = [f"{name:<24}{what:>14} {rate:<18}{1e3 * seconds:>7,.0f} ms" for name, what, rate, seconds in rows]
    seconds = sum(row[3] for row in rows)
    lines.append(f"{'a step':<57}{1e3 * seconds:>7,.0f} ms")
    yield "\n".join(lines)
    # The roofline: operations for each byte that comes from memory or goes back, and the speed that they allow.
    rows = [
        ("a product [1,024, 768]·[768, 768]", intensity(T)),
        ("GELU as a walk of its own, 20 / 8", 20 / 8),
        ("AdamW, 12 / 32", 12 / 32),
    ]
    lines = [f"{'':<34}{'operations for each byte':>24}{'at most':>18}"]
    lines += [f"{name:<34}{each:>24.1f}{min(PEAK, each * BANDWIDTH) / 1e9:>11.1f} GFLOP/s" for name, each in rows]
    yield "\n".join(lines)
    yield f"4 · {count:,} bytes = {4 * count / 1e6:.1f} MB"
    yield from memory_table(count)
    # Where a batch is so small that the optimizer takes as long as all products.
    each = total / T / PEAK
    yield "\n".join(
        [
            f"one token's products   {1e3 * total / PEAK:,.0f} ms / {T:,} = {1e3 * each:.2f} ms",
            f"as long as AdamW       {1e3 * size / BANDWIDTH:.0f} ms / {1e3 * each:.2f} ms = {size / BANDWIDTH / each:.0f} tokens",
        ]
    )
    sizes = [("tiny", 2, 128), ("mini", 4, 256), ("small", 4, 512), ("base", 12, 768)]
    lines = ["         layers   width   parameters   of them in the word table   GFLOP for a step   bytes kept for each token"]
    for name, layers, width in sizes:
        layer = 12 * width * width + 13 * width
        numbers = V * width + 516 * width + layers * layer + width * width + width + 2 * width + 2
        products = layers * B * sum(
            n * (1 + BACKWARD.get(part, LINEAR)) for part, n in flops(S, width, 4 * width).items()
        )
        kept_bytes = 4 * (layers * 11 * width + 2 * width)
        lines.append(
            f"{name:<9}{layers:>6}{width:>8}{numbers:>13,}{100 * V * width / numbers:>26.0f} %{products / 1e9:>19.1f}{kept_bytes:>28,}"
        )
    # From tiny to base.
    first, last = (line.replace(",", "").split() for line in (lines[1], lines[-1]))
    yield f"{int(last[3]) / int(first[3]):.0f} times the parameters"
    tiny = sum(2 * B * n * (1 + BACKWARD.get(part, LINEAR)) for part, n in flops(S, 128, 512).items())
    yield f"{total / tiny:.0f} times the operations"
    # Parameters and moments, and gradients or activations.
    most = lambda of: 12 * int(of[3]) + max(4 * int(of[3]), T * int(of[-1]))
    yield f"{most(last) / most(first):.0f} times the memory"
    assert f"{count:,}" in lines[-1] and f"{total / 1e9:.1f}" in lines[-1]
    yield "\n".join(lines)
    # Linear layers take 24·S·H² and attention 4·S²·H forward; with the backward pass 72·S·H² and 14·S²·H.
    yield f"S = 72·H / 14 = {72 * 256 / 14:,.0f}"
    square = lambda s: 72 * s * 256**2 + 14 * s**2 * 256
    yield f"{square(2048) / square(1024):.1f} times the operations"
    yield f"{square(128) / square(64):.1f} times"
    # Mini, 64 tokens, on the machine of the plots: 166 GFLOP/s at best, 40 GB/s.
    mini = int(lines[2].replace(",", "").split()[3])
    yield f"the best rate its products would take {4e3 * square(64) / 166e9:.0f}."
    yield f"at this machine's 40 GB/s another {28e3 * mini / 40e9:.0f} ms"
    yield f"4 · {mini:,} / 47,104 = {4 * mini / 47_104:.0f} tokens"
