"""The numbers of the chapter on checkpoints; worked_numbers.py prints and checks them.

Standard library only. `mix` and `key` are those of crates/nn/src/random.rs, written once more.
"""

import hashlib

from worked_training import parameters, show

BITS = 2**64


def checkpoints():
    yield by_name()
    yield sizes()
    yield checksums()


def mix(x):
    """SplitMix64's next output."""
    x = (x + 0x9E3779B97F4A7C15) % BITS
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) % BITS
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) % BITS
    return x ^ (x >> 31)


assert mix(0) == 0xE220A8397B1DCDAF  # as published


def fnv(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) % BITS
    return value


def key(seed, purpose, step, place):
    value = mix(seed)
    for part in (fnv(purpose), step, place):
        value = mix(value ^ mix(part))
    return value


def uniform(bits):
    return (bits >> 11) / 2**53


def by_name():
    """One number for each of five steps; a run that stopped after three of them starts its generator again."""
    stream = [uniform(mix(key(1, "stream", 0, 0) + count)) for count in range(5)]
    resumed = stream[:3] + stream[:2]
    named = [uniform(mix(key(1, "dropout", step, 0))) for step in range(5)]
    lines = ["step   one generator   stopped after step 2, and started again   by name"]
    for step in range(5):
        numbers = [show(number[step], 4) for number in (stream, resumed, named)]
        lines.append(f"{step:>4}          {numbers[0]}{numbers[1]:>42}{numbers[2]:>10}")
    return "\n".join(lines)


def sizes():
    lines = ["        parameters   model   two moments   together"]
    for name, layers, hidden in (("tiny", 2, 128), ("mini", 4, 256), ("base", 12, 768)):
        count, _ = parameters(layers, hidden)
        megabytes = [round(part * count / 1e6) for part in (4, 8, 12)]
        lines.append(f"{name:<6}{count:>12,}{megabytes[0]:>5} MB{megabytes[1]:>11} MB{megabytes[2]:>8} MB")
    return "\n".join(lines)


def checksums():
    lines = []
    for text in ("step 1000", "step 1001"):
        digest = hashlib.sha256(text.encode()).hexdigest()
        lines.append(f"{text}   {digest[:32]}…")
    return "\n".join(lines)


if __name__ == "__main__":
    print("\n\n".join(checkpoints()))
