"""The numbers of the chapter on bfloat16; worked_numbers.py prints and checks them. Standard library only."""

import random
import struct


def bits(x):
    """Of an f32."""
    return struct.unpack("<I", struct.pack("<f", x))[0]


def number(of_bits):
    return struct.unpack("<f", struct.pack("<I", of_bits))[0]


def to_f32(x):
    return number(bits(x))


def to_bf16(x):
    """To the nearest, a half to the even neighbour."""
    whole, rest = divmod(bits(x), 1 << 16)
    up = rest > 0x8000 or (rest == 0x8000 and whole % 2 == 1)
    return number((whole + up) << 16)


def root_mean_square(values):
    return (sum(x * x for x in values) / len(values)) ** 0.5


def half_the_bits():
    rows = ["number        its f32, cut in two   rounded   the bfloat16      off by"]
    for x in (0.1, 1.0, 3.14159265, 65504.0, 1.00390625, 1.01171875):
        of_bits = bits(x)
        rounded = to_bf16(x)
        off = abs(rounded / to_f32(x) - 1)
        rows.append(
            f"{x:<12.10g}{of_bits >> 16:>12x} | {of_bits & 0xFFFF:04x}{bits(rounded) >> 16:>12x}{rounded:>15.10g}{100 * off:>10.3f} %"
        )
    yield "\n".join(rows)

    draw = random.Random(1)
    numbers = [draw.gauss(0, 1) for _ in range(100_000)]
    one = root_mean_square([to_bf16(x) / x - 1 for x in numbers])
    yield f"one number {100 * one:.2f} %, a product of two √2 · {100 * one:.2f} % = {100 * 2**0.5 * one:.2f} %"

    rows = ["terms   size of the sum   its error   of the size"]
    for count in (16, 256, 768, 3072):
        errors, sums = [], []
        for _ in range(600_000 // count):
            a, b = ([draw.gauss(0, 1) for _ in range(count)] for _ in range(2))
            sums.append(sum(x * y for x, y in zip(a, b)))
            errors.append(sum(to_bf16(x) * to_bf16(y) for x, y in zip(a, b)) - sums[-1])
        error, size = root_mean_square(errors), root_mean_square(sums)
        rows.append(f"{count:>5}{size:>18.1f}{error:>12.3f}{100 * error / size:>12.2f} %")
    yield "\n".join(rows)

    weight, step = to_bf16(0.02), 5e-5
    gap = number(bits(weight) + (1 << 16)) - weight
    yield "\n".join(
        [
            f"0.02 as a bfloat16        {weight:.9f}",
            f"the next bfloat16         {weight + gap:.9f}",
            f"0.02 and a step of 5e-5   {weight + step:.9f}, as a bfloat16 {to_bf16(weight + step):.9f}",
        ]
    )

    largest = (1 << 8) - 1
    assert (largest * largest).bit_length() == 16
    halves = [to_bf16(x) for x in numbers[:2000]]
    assert all(to_f32(a * b) == a * b for a, b in zip(halves, halves[1:]))  # Python's product has 53 bits
    yield f"{largest} · {largest} = {largest * largest:,} < 2¹⁶ = {2**16:,}"
