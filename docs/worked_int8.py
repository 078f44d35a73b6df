"""The numbers of the chapter on 8 bits; worked_numbers.py prints and checks them. Standard library only."""

from worked_speed import flops

INPUT = [0.8, -0.1, 0.3, 2.0]
WEIGHTS = {"first": [0.52, -0.31, 0.07, 0.18], "second": [0.006, 0.011, -0.004, 0.009]}


def quantise(row, largest=None):
    """Codes and the step. Python's round() takes a half to the even neighbour."""
    step = (largest or max(abs(x) for x in row)) / 127
    return [round(x / step) for x in row], step


def quantise_input(row):
    """Codes from 0 to 255, the step, and the code of 0."""
    largest, least = max(0.0, *row), min(0.0, *row)
    step = (largest - least) / 255
    zero = round(-least / step)
    return [min(round(x / step) + zero, 255) for x in row], step, zero


def row_of(codes):
    return "".join(f"{code:>6}" for code in codes)


def fewer_bits():
    codes, step, zero = quantise_input(INPUT)
    lines = ["           numbers                          step         codes"]
    for name, row in [(f"{name} output", row) for name, row in WEIGHTS.items()]:
        of_row, of_step = quantise(row)
        lines.append(f"{name:<14}" + "".join(f"{x:>7.3f}" for x in row) + f"{of_step:>14.8f}   {row_of(of_row)}")
    yield "\n".join(lines)

    lines = ["           numbers                          step         codes                    of 0"]
    lines.append(f"{'input':<14}" + "".join(f"{x:>7.3f}" for x in INPUT) + f"{step:>14.8f}   {row_of(codes)}{zero:>8}")
    yield "\n".join(lines)
    yield f"2 / 127 = {2 / 127:.8f}"

    lines = []
    for name, row in WEIGHTS.items():
        weight_codes, weight_step = quantise(row)
        total = sum(a * b for a, b in zip(codes, weight_codes))
        too_much = zero * sum(weight_codes)
        terms = " + ".join(f"{a}·{b}" if b >= 0 else f"{a}·({b})" for a, b in zip(codes, weight_codes))
        exact = sum(a * b for a, b in zip(INPUT, row))
        result = (total - too_much) * step * weight_step
        lines.append(f"{name}: {terms} = {total:,}")
        lines.append(f"  the codes of the weight: {' + '.join(map(str, weight_codes)).replace('+ -', '- ')} = {sum(weight_codes)}")
        lines.append(f"  {total:,} - {zero}·{sum(weight_codes)} = {total - too_much:,}")
        lines.append(f"  {total - too_much:,} · {step:.8f} · {weight_step:.8f} = {result:.5f}, exactly {exact:.5f}")
    yield "\n".join(lines)

    # One step for the whole matrix instead of one for each output.
    largest = max(abs(x) for row in WEIGHTS.values() for x in row)
    shared, shared_step = quantise(WEIGHTS["second"], largest)
    result = sum((a - zero) * b for a, b in zip(codes, shared)) * step * shared_step
    exact = sum(a * b for a, b in zip(INPUT, WEIGHTS["second"]))
    yield f"second, with the first one's step: codes{row_of(shared)}, result {result:.5f}, exactly {exact:.5f}"
    own_codes, own_step = quantise(WEIGHTS["second"])
    own = sum((a - zero) * b for a, b in zip(codes, own_codes)) * step * own_step
    yield f"off by {100 * abs(1 - result / exact):.0f} % instead of {100 * abs(1 - own / exact):.1f} %"

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
    assert 255 * 127 * 66_000 < 2**31 < 255 * 127 * 66_400
    yield f"255 · 127 · 66,000 = {255 * 127 * 66_000:,} < 2³¹ = {2**31:,}"

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
