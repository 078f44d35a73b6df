"""The numbers of the chapter on 8 bits; worked_numbers.py prints and checks them. Standard library only."""

from worked_speed import flops

INPUT = [0.8, -0.1, 0.3, 2.0]
WEIGHTS = {"first": [0.52, -0.31, 0.07, 0.18], "second": [0.006, 0.011, -0.004, 0.009]}


def quantise(row, largest=None):
    """Codes and the step. Python's round() takes a half to the even neighbour."""
    step = (largest or max(abs(x) for x in row)) / 127
    return [round(x / step) for x in row], step


def row_of(codes):
    return "".join(f"{code:>6}" for code in codes)


def fewer_bits():
    codes, step = quantise(INPUT)
    lines = ["           numbers                          step         codes"]
    for name, row in [("input", INPUT), *((f"{name} output", row) for name, row in WEIGHTS.items())]:
        of_row, of_step = quantise(row)
        lines.append(f"{name:<14}" + "".join(f"{x:>7.3f}" for x in row) + f"{of_step:>14.8f}   {row_of(of_row)}")
    yield "\n".join(lines)

    lines = []
    for name, row in WEIGHTS.items():
        weight_codes, weight_step = quantise(row)
        total = sum(a * b for a, b in zip(codes, weight_codes))
        terms = " + ".join(f"{a}·{b}" if b >= 0 else f"{a}·({b})" for a, b in zip(codes, weight_codes))
        exact = sum(a * b for a, b in zip(INPUT, row))
        result = total * step * weight_step
        lines.append(f"{name}: {terms} = {total:,}")
        lines.append(f"  {total:,} · {step:.8f} · {weight_step:.8f} = {result:.5f}, exactly {exact:.5f}")
    yield "\n".join(lines)

    # One step for the whole matrix instead of one for each output.
    largest = max(abs(x) for row in WEIGHTS.values() for x in row)
    shared, shared_step = quantise(WEIGHTS["second"], largest)
    result = sum(a * b for a, b in zip(codes, shared)) * step * shared_step
    exact = sum(a * b for a, b in zip(INPUT, WEIGHTS["second"]))
    yield f"second, with the first one's step: codes{row_of(shared)}, result {result:.5f}, exactly {exact:.5f}"
    own_codes, own_step = quantise(WEIGHTS["second"])
    own = sum(a * b for a, b in zip(codes, own_codes)) * step * own_step
    yield f"off by {100 * abs(1 - result / exact):.0f} % instead of {100 * abs(1 - own / exact):.1f} %"

    weight_codes, _ = quantise(WEIGHTS["first"])
    moved = [code + 128 for code in codes]
    too_much = 128 * sum(weight_codes)
    total = sum(a * b for a, b in zip(moved, weight_codes))
    yield "\n".join(
        [
            f"codes + 128  {row_of(moved)}",
            f"sum           {total:,}",
            f"128 · ({' + '.join(map(str, weight_codes)).replace('+ -', '- ')}) = {too_much:,}",
            f"{total:,} - {too_much:,} = {total - too_much:,}",
        ]
    )

    layer, tables = 7_087_872, 30_522 * 768 + 512 * 768 + 2 * 768
    matrices = 4 * 768 * 768 + 2 * 768 * 3072
    full = 4 * (12 * layer + tables)
    small = full - 12 * 3 * matrices + 12 * 4 * (4 * 768 + 3072 + 768)
    yield "\n".join(
        [
            "BERT-base, without pooler and head   MB",
            f"all in 4 bytes                   {full / 1e6:>6.1f}",
            f"encoder's matrices in 1 byte     {small / 1e6:>6.1f}",
            f"of it the codes                  {12 * matrices / 1e6:>6.1f}",
            f"the tables                       {4 * tables / 1e6:>6.1f}",
        ]
    )
    assert 127 * 127 * 133_000 < 2**31 < 127 * 127 * 133_200
    yield f"127 · 127 · 133,000 = {127 * 127 * 133_000:,} < 2³¹ = {2**31:,}"

    # The floor of the chapter on speed, on the same example machine: 200 GFLOP/s and 20 GB/s, and four times as many with codes.
    rows = ["   S   products of codes   scores, mixing   together   codes at 20 GB/s     floor   in full width"]
    for length in (16, 128, 512):
        counts = flops(length)
        total, attention = 12 * sum(counts.values()), 12 * (counts["scores"] + counts["mixing"])
        fetch, at_codes, at_reals = 12 * matrices / 20e6, (total - attention) / 800e6, attention / 200e6
        compute = at_codes + at_reals
        full = max(total / 200e6, 12 * layer * 4 / 20e6)
        rows.append(
            f"{length:>4}{at_codes:>17.1f} ms{at_reals:>14.1f} ms{compute:>8.1f} ms{fetch:>16.1f} ms"
            f"{max(compute, fetch):>7.1f} ms{full:>13.1f} ms"
        )
    yield "\n".join(rows)
