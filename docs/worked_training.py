"""The numbers of the chapter on the training loop; worked_numbers.py prints and checks them.

Standard library only.
"""

import math

PEAK, WARM_UP, TOTAL = 0.001, 2, 10
# The surprise of each masked word of a step's two batches, and its gradient for one weight.
LOSSES = [[2.0, 4.0, 3.0], [7.0]]
GRADIENTS = [[0.5, -0.2, 0.3], [-0.6]]


def show(x, places, width=0):
    return f"{x:.{places}f}".replace("-", "−").rjust(width)


def mean(numbers):
    return sum(numbers) / len(numbers)


def training_loop():
    yield two_batches("losses", LOSSES, 2)
    yield two_batches("gradients", GRADIENTS, 2)
    yield feed([["a", "b", "c"], [], ["d", "e"]], 2, 5)
    yield schedule()
    yield area()
    yield from sizes()
    yield plateaus()


def two_batches(name, batches, places):
    everything = [number for batch in batches for number in batch]
    of = [", ".join(show(number, 1) for number in batch) for batch in batches]
    means = [mean(batch) for batch in batches]
    sign = "−" if means[1] < 0 else "+"
    both = f"({show(means[0], places)} {sign} {show(abs(means[1]), places)}) / 2"
    return "\n".join(
        [
            f"{name} of batch 1   {of[0]}   mean {show(means[0], places, 5)}",
            f"{name} of batch 2   {of[1]:<{len(of[0])}}   mean {show(means[1], places, 5)}",
            f"mean of the means   {both} = {show(mean(means), places)}",
            f"mean of all         {show(sum(everything), 1)} / {len(everything)} = {show(mean(everything), places)}",
        ]
    )


def feed(blocks, size, steps):
    """Steps of `size` instances, and the place in the data where each begins."""
    epoch = block = instance = 0
    lines = ["step   epoch block instance   instances"]
    for step in range(steps):
        place, taken = (epoch, block, instance), []
        while True:
            while instance >= len(blocks[block]):
                block, instance = block + 1, 0
                if block == len(blocks):
                    epoch, block = epoch + 1, 0
            if len(taken) == size:
                break
            taken.append(blocks[block][instance] + "′" * epoch)
            instance += 1
        lines.append(f"{step:>4}{place[0]:>8}{place[1]:>6}{place[2]:>9}   {' '.join(taken)}")
    return "\n".join(lines)


def factor(step):
    return step / WARM_UP if step < WARM_UP else (TOTAL - step) / (TOTAL - WARM_UP)


def schedule():
    lines = ["step   factor        rate"]
    for step in range(TOTAL):
        how = f"{step}/{WARM_UP}" if step < WARM_UP else f"{TOTAL - step}/{TOTAL - WARM_UP}"
        lines.append(f"{step:>4}   {how} = {show(factor(step), 3)}   {show(PEAK * factor(step), 6)}")
    return "\n".join(lines)


def area():
    total = sum(factor(step) for step in range(TOTAL))
    return f"sum of the factors {show(total, 3)} = {TOTAL}/2"


def parameters(layers, hidden, words=30522, positions=512):
    embeddings = (words + positions + 2) * hidden + 2 * hidden
    wide = 4 * hidden
    layer = 4 * (hidden * hidden + hidden) + 2 * hidden + hidden * wide + wide + wide * hidden + hidden + 2 * hidden
    pooler = hidden * hidden + hidden
    masked_lm = hidden * hidden + hidden + 2 * hidden + words  # the decoder is the table of the words
    next_sentence = 2 * hidden + 2
    return embeddings + layers * layer + pooler + masked_lm + next_sentence, words * hidden


def sizes():
    for name, layers, hidden in (("tiny", 2, 128), ("mini", 4, 256), ("small", 4, 512), ("base", 12, 768)):
        total, table = parameters(layers, hidden)
        yield f"| `{name}` | {layers} | {hidden} | {hidden // 64} | {total:,} | {100 * table / total:.0f} % |"


def zipf(words):
    """The entropy of words whose frequencies are as 1/rank."""
    weights = [1 / rank for rank in range(1, words + 1)]
    total = sum(weights)
    return -sum(weight / total * math.log(weight / total) for weight in weights)


def plateaus():
    """Losses that a model reaches without having understood a word of what it reads."""
    rows = [
        ("each token as likely as any other, ln V", math.log(8000), math.log(30522)),
        ("frequencies ∝ 1/rank, and nothing more", zipf(8000), zipf(30522)),
    ]
    lines = [f"{'':<42}V = 8,000   V = 30,522"]
    lines += [f"{name:<42}{show(small, 2, 9)}{show(large, 2, 13)}" for name, small, large in rows]
    lines.append(f"{'next or random, a coin, ln 2':<42}{show(math.log(2), 2, 9)}{show(math.log(2), 2, 13)}")
    return "\n".join(lines)


if __name__ == "__main__":
    print("\n\n".join(training_loop()))
