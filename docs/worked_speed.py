"""The numbers of the two chapters on speed; worked_numbers.py prints and checks them.

Standard library only. Counts of cache misses come from the table that the kernels' tests read, made by a
simulator of its own (crates/kernels/tests/reference/cache_misses.py).
"""

import csv
from pathlib import Path

CACHE_TABLE = Path(__file__).resolve().parent.parent / "crates/kernels/tests/reference/cache_misses.csv"


def cache_misses(form, p=0, q=0, n=96, column="misses"):
    """From the table of the kernels' tests: A and B [n, n] of 4-byte numbers, a cache of 8 sets of 8 lines of 64 bytes."""
    with open(CACHE_TABLE, encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = (row["form"], *(int(row[name]) for name in ("p", "q", "element", "line", "sets", "ways", "m", "k", "n")))
            if key == (form, p, q, 4, 64, 8, 8, n, n, n):
                return int(row[column])
    raise LookupError(f"{form} {p} {q} {n} is not in {CACHE_TABLE}")


def miss_row(name, *key, n=96):
    misses = cache_misses(*key, n=n)
    return f"{name:<16}{misses:>11,}{1000 * misses / n**3:>12.1f}"


def fast_matrix_product():
    head = "                     misses   for 1,000 multiplications"
    yield "\n".join([head] + [miss_row(f"loops {order}", order) for order in ("ijk", "ikj", "jik", "jki", "kij", "kji")])
    sizes = [(8, 8), (16, 16), (16, 32), (24, 24), (32, 32)]
    floor = 3 * 96 * 96 * 4 // 64
    rows = [miss_row(f"blocks {p} × {q}", "blocks", p, q) for p, q in sizes]
    rows.append(f"{'every line once':<16}{floor:>11,}{1000 * floor / 96**3:>12.1f}")
    yield "\n".join([head] + rows)
    yield "\n".join(
        [head, miss_row("loops ikj", "ikj", n=128), miss_row("blocks 16 × 32", "blocks", 16, 32, n=128),
         miss_row("the same, packed", "packed", 16, 32, n=128)]
    )
    rows = ["tile       accesses for each multiplication    misses"]
    accesses = cache_misses("ijk", column="accesses")
    rows.append(f"{'none':<11}{accesses / 96**3:>12.2f}{cache_misses('ijk'):>31,}")
    for p, q in [(4, 4), (4, 8), (12, 16), (12, 32)]:
        accesses = cache_misses("tiles", p, q, column="accesses")
        rows.append(f"{f'{p} × {q}':<11}{accesses / 96**3:>12.2f}{cache_misses('tiles', p, q):>31,}")
    yield "\n".join(rows)
    # On paper: how often each matrix of 576 lines is fetched.
    for form, a, b, c, text in [
        (("ikj",), 1, 96, 1, "A 576 + B 96 · 576 + C 576"),
        (("blocks", 16, 32), 3, 1, 6, "A 3 · 576 + B 576 + C 6 · 576"),
    ]:
        assert 576 * (a + b + c) == cache_misses(*form), text
        yield f"{text} = {cache_misses(*form):,}"
    ratio = cache_misses("ijk") / cache_misses("ikj"), cache_misses("ikj") / cache_misses("blocks", 16, 32)
    yield f"{ratio[0]:.0f} times fewer"
    yield f"another {ratio[1]:.0f} times fewer"
    rows = ["tokens   operations   bytes fetched   operations for each byte"]
    for tokens in (1, 4, 16, 128, 1024):
        count, size = 2 * tokens * 768 * 768, 4 * (768 * 768 + 2 * tokens * 768)
        rows.append(f"{tokens:>6,}{count / 1e6:>11.1f} M{size / 1e6:>13.1f} MB{intensity(tokens):>18.1f}")
    yield "\n".join(rows)


def intensity(tokens, hidden=768):
    """Operations for each byte of a product [tokens, H] · [H, H], each matrix fetched or written once."""
    return 2 * tokens * hidden * hidden / (4 * (hidden * hidden + 2 * tokens * hidden))


def flops(length, hidden=768, wide=3072):
    """Operations of one layer on one sequence: two for each multiplication and its addition."""
    return {
        "query, key, value": 6 * length * hidden * hidden,
        "scores": 2 * length * length * hidden,
        "mixing": 2 * length * length * hidden,
        "output": 2 * length * hidden * hidden,
        "up, GELU": 2 * length * hidden * wide,
        "down": 2 * length * wide * hidden,
    }


FORMULAS = {
    "query, key, value": "6·S·H²", "scores": "2·S²·H", "mixing": "2·S²·H", "output": "2·S·H²",
    "up, GELU": "2·S·H·F", "down": "2·S·F·H",
}


def how_fast_can_bert_be():
    lengths = (16, 128, 512)
    counts = [flops(length) for length in lengths]
    rows = ["part                formula      S = 16     S = 128     S = 512"]
    for part, formula in FORMULAS.items():
        rows.append(f"{part:<20}{formula:<8}" + "".join(f"{12 * count[part] / 1e9:>12.2f}" for count in counts))
    totals = [12 * sum(count.values()) / 1e9 for count in counts]
    rows.append(f"{'together, 12 layers':<28}" + "".join(f"{total:>12.2f}" for total in totals))
    shares = [100 * (count["scores"] + count["mixing"]) / sum(count.values()) for count in counts]
    rows.append(f"{'of it S²':<28}" + "".join(f"{share:>10.1f} %" for share in shares))
    yield "\n".join(rows)
    layer = 4 * (768 * 768 + 768) + 2 * 768 * 3072 + 3072 + 768 + 4 * 768
    weights = 12 * layer * 4
    yield f"12 · {layer:,} · 4 bytes = {weights / 1e6:.1f} MB"
    peak, bandwidth = 200e9, 20e9
    rows = ["     S   operations   at 200 GFLOP/s   weights at 20 GB/s   floor"]
    for length in (1, 4, 16, 32, 128, 512):
        total = 12 * sum(flops(length).values())
        compute, fetch = 1e3 * total / peak, 1e3 * weights / bandwidth
        rows.append(f"{length:>6}{total / 1e9:>10.2f} G{compute:>14.1f} ms{fetch:>17.1f} ms{max(compute, fetch):>13.1f} ms")
    yield "\n".join(rows)
    yield f"2 · 200 / 20 = {2 * peak / bandwidth:.0f} tokens"
    rows = ["numbers touched, per layer      formula         S = 128"]
    for name, formula, count in [
        ("softmax, 12 heads", "12·S²", 12 * 128 * 128),
        ("GELU", "S·F", 128 * 3072),
        ("LayerNorm and residual, two", "2·S·H", 2 * 128 * 768),
        ("biases", "S·(5·H + F)", 128 * (5 * 768 + 3072)),
    ]:
        rows.append(f"{name:<32}{formula:<14}{count:>9,}")
    yield "\n".join(rows)
    yield f"{sum(flops(128).values()) / 2 / 1e6:,.0f} million multiplications"
    yield f"S = 6·H = {6 * 768:,}"
    for length in (128, 512):
        count = flops(length)
        whole, without = (12e3 * (sum(count.values()) - less) / peak for less in (0, count["scores"] + count["mixing"]))
        yield f"from {whole:.1f} to {without:.1f} ms"
