"""The numbers of the chapter on tiny world; worked_numbers.py prints and checks them.

Standard library only. A toy of four words, small enough to list all that it can say.
"""

import math
from itertools import product

from worked_optimizers import show

# ---- the mathematics ------------------------------------------------------------------------

# state: [(word, probability, next state)]
TOY = {
    "Start": [("dogs", 0.75, "Dogs"), ("men", 0.25, "Men")],
    "Dogs": [("bite", 0.6, "Object"), ("sleep", 0.4, "End")],
    "Men": [("bite", 0.1, "Object"), ("sleep", 0.9, "End")],
    "Object": [("men", 0.8, "End"), ("dogs", 0.2, "End")],
    "End": [],
}
WORDS = ["dogs", "men", "bite", "sleep"]
MASK = "[MASK]"


def walks(state="Start"):
    """All sentences from a state on, with their factors."""
    if state == "End":
        yield [], []
    for word, p, following in TOY[state]:
        for words, factors in walks(following):
            yield [word, *words], [p, *factors]


SENTENCES = [(words, math.prod(factors)) for words, factors in walks()]


def inside(tape):
    """For each place, and the one behind the last, the inside sums of all states."""
    rows = [{state: float(state == "End") for state in TOY}]
    for shown in reversed(tape):
        fits = lambda word: shown in (word, MASK)
        rows.insert(0, {
            state: sum(p * rows[0][to] for word, p, to in moves if fits(word)) for state, moves in TOY.items()
        })
    return rows


def outside(tape):
    rows = [{state: float(state == "Start") for state in TOY}]
    for shown in tape:
        row = dict.fromkeys(TOY, 0.0)
        for state, moves in TOY.items():
            for word, p, to in moves:
                if shown in (word, MASK):
                    row[to] += rows[-1][state] * p
        rows.append(row)
    return rows


def normalise(weights):
    total = sum(weights.values())
    return {key: weight / total for key, weight in weights.items()}


def expected(keys_of):
    """The best possible loss of a reader to whom a masked place looks like keys_of(words, masked, place)."""
    seen, masked_words = {}, 0.0
    for words, p in SENTENCES:
        for pattern in product([False, True], repeat=len(words)):
            weight = p * math.prod(0.15 if masked else 0.85 for masked in pattern)
            for place in (i for i, masked in enumerate(pattern) if masked):
                table = seen.setdefault(keys_of(words, pattern, place), {})
                table[words[place]] = table.get(words[place], 0.0) + weight
                masked_words += weight
    loss = 0.0
    for table in seen.values():
        total = sum(table.values())
        loss -= sum(weight * math.log(weight / total) for weight in table.values())
    return loss / masked_words


def shown(words, pattern):
    return tuple(MASK if masked else word for word, masked in zip(words, pattern))


LADDER = {
    "unigram": lambda words, pattern, place: None,
    "position only": lambda words, pattern, place: place,
    "left context only": lambda words, pattern, place: shown(words, pattern)[: place + 1],
    "order ignored": lambda words, pattern, place: tuple(sorted(shown(words, pattern))),
    "optimum": lambda words, pattern, place: (shown(words, pattern), place),
}


# ---- the chapter ----------------------------------------------------------------------------


def tiny_world():
    yield listed()
    yield inside_table()
    yield posterior()
    yield by_listing()
    yield bag()
    yield ordered("men bite [MASK]")
    yield ordered("[MASK] bite men")
    yield toy_ladder()
    yield corrupted()
    yield it_barks()
    yield "0.85¹² = " + show(0.85**12, 2)


def listed():
    lines = []
    for words, factors in walks():
        lines.append(f"{' '.join(words):<16}{' · '.join(f'{p:g}' for p in factors):<18}{show(math.prod(factors), 3)}")
    total = sum(p for _, p in SENTENCES)
    return "\n".join([*lines, f"{'together':<34}{show(total, 3)}"])


def inside_table():
    tape = [MASK, "bite", MASK]
    lines = ["place          " + "".join(state.rjust(9) for state in TOY)]
    for name, row in zip(["1  [MASK]", "2  bite", "3  [MASK]", "the end"], inside(tape)):
        lines.append(f"{name:<15}" + "".join(show(row[state], 3, 9) for state in TOY))
    return "\n".join(lines)


def weights_at(tape, place):
    before, after = outside(tape)[place], inside(tape)[place + 1]
    weights = {}
    for state, moves in TOY.items():
        for word, p, to in moves:
            if tape[place] in (word, MASK):
                weights[word] = weights.get(word, 0.0) + before[state] * p * after[to]
    return {word: weight for word, weight in weights.items() if weight}


def posterior():
    weights = weights_at([MASK, "bite", MASK], 0)
    shares = normalise(weights)
    return "\n".join([
        f"dogs  1 · 0.75 · 0.6 = {show(weights['dogs'], 3)}     {show(weights['dogs'], 3)} / 0.475 = {show(shares['dogs'], 3)}",
        f"men   1 · 0.25 · 0.1 = {show(weights['men'], 3)}     {show(weights['men'], 3)} / 0.475 = {show(shares['men'], 3)}",
    ])


def by_listing():
    fits = [p for words, p in SENTENCES if len(words) == 3]
    dogs = [p for words, p in SENTENCES if len(words) == 3 and words[0] == "dogs"]
    assert abs(sum(dogs) / sum(fits) - normalise(weights_at([MASK, "bite", MASK], 0))["dogs"]) < 1e-12
    return f"({' + '.join(f'{p:.3f}' for p in dogs)}) / ({' + '.join(f'{p:.3f}' for p in fits)}) = {show(sum(dogs) / sum(fits), 3)}"


def bag():
    lines, masked = [], {}
    for words, p in SENTENCES:
        ways = [i for i in range(len(words)) if sorted([*words[:i], *words[i + 1 :]]) == ["bite", "men"]]
        if ways:
            word = words[ways[0]]
            masked[word] = masked.get(word, 0.0) + p * len(ways)
            count = "1 way " if len(ways) == 1 else "2 ways"
            lines.append(f"{' '.join(words):<16}{count}   {show(p * len(ways), 3)}   hides {word}")
    shares = normalise(masked)
    lines.append(", ".join(f"{word} {show(share, 3)}" for word, share in shares.items()))
    return "\n".join(lines)


def ordered(text):
    tape = text.split()
    shares = normalise(weights_at(tape, tape.index(MASK)))
    return f"{text:<16}" + ", ".join(f"{word} {show(share, 3)}" for word, share in shares.items())


def toy_ladder():
    lines = [f"uniform             {show(math.log(len(WORDS)), 3)}"]
    lines += [f"{rung:<20}{show(expected(keys), 3)}" for rung, keys in LADDER.items()]
    return "\n".join(lines)


def corrupted():
    men, dogs = 0.8 * 0.1 / 4, 0.2 * (0.1 / 4 + 0.1)
    return "\n".join([
        f"men   0.8 · 0.1/4         = {show(men, 3)}     {show(men / (men + dogs), 3)}",
        f"dogs  0.2 · (0.1/4 + 0.1) = {show(dogs, 3)}     {show(dogs / (men + dogs), 3)}",
    ])


def it_barks():
    pronoun, barks = 0.7 * 0.8, 4 / 13
    of_all = lambda topics: topics * 0.75 / 24  # a singular topic's share
    assert of_all(1) == 1 / 32
    rows = [("it     ", 1.0, of_all(11), "", ""), ("barks  ", barks, of_all(1) * barks, " · 4/13", " · 1/32 · 4/13")]
    lines = [f"he, she, it or they: 0.7 · 0.8 = {show(pronoun, 2)}"]
    for name, if_next, if_random, *factors in rows:
        factors = ["", " · 11/32"] if name.startswith("it") else factors
        a, b = pronoun * if_next, pronoun * if_random
        lines.append(f"{name} next     {show(pronoun, 2)}{factors[0]} = {show(a, 4)}")
        lines.append(f"        random   {show(pronoun, 2)}{factors[1]} = {show(b, 4)}    P(random) {show(b / (a + b), 3)}")
    return "\n".join(lines)


if __name__ == "__main__":
    print("\n\n".join(tiny_world()))
