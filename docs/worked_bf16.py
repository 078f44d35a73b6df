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

    weight, step = 1.0, 5e-5
    moved = to_bf16(weight + step)
    gap = number(bits(1.0) + (1 << 16)) - 1
    yield f"1 + 0.00005 = 1.00005, as a bfloat16 {moved:g}; the next one after 1 is 1 + {gap:g}"

    draw = random.Random(1)
    rows = ["  terms   sum's error, root of the mean square   of the sum's own size"]
    for count in (16, 256, 768, 3072):
        squares = total = 0.0
        trials = 20_000 // count + 40
        for _ in range(trials):
            a, b = ([draw.gauss(0, 1) for _ in range(count)] for _ in range(2))
            exact = sum(x * y for x, y in zip(a, b))
            squares += (sum(to_bf16(x) * to_bf16(y) for x, y in zip(a, b)) - exact) ** 2
            total += exact**2
        rows.append(f"{count:>7}{(squares / trials) ** 0.5:>28.4f}{100 * (squares / total) ** 0.5:>26.2f} %")
    yield "\n".join(rows)

    yield "8 bits · 8 bits = 16 bits, and an f32 has 24"
