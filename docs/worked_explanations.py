"""The numbers of the chapter on explanations; worked_numbers.py prints and checks them.

Standard library only. The numbers of the toy model are those of PyTorch, from the file that the tests are judged by.
"""

import json
import math
from pathlib import Path

FIXTURE = Path(__file__).parent.parent / "tests" / "fixtures" / "explain" / "explain.json"
WAY = [2.0, 1.0]  # from (0, 0) to the text
WEIGHTS = [1.0, 0.5]


def show(x, places, width=0):
    text = f"{x:.{places}f}"
    zero = float(text) == 0
    return (text.lstrip("-") if zero else text.replace("-", "−")).rjust(width)


def logit(x, weights=WEIGHTS):
    return 4 * math.tanh(sum(w * v for w, v in zip(weights, x)))


def gradient(x, weights=WEIGHTS):
    slope = 4 * (1 - math.tanh(sum(w * v for w, v in zip(weights, x))) ** 2)
    return [slope * w for w in weights]


def point(alpha, way=WAY):
    return [alpha * v for v in way]


def slope(alpha):
    """Of the logit along the way: Σ way · gradient."""
    return sum(v * d for v, d in zip(WAY, gradient(point(alpha))))


def integrated(steps, way=WAY, weights=WEIGHTS):
    shares = [0.0] * len(way)
    for k in range(steps):
        d = gradient(point((k + 0.5) / steps, way), weights)
        shares = [s + v * g / steps for s, v, g in zip(shares, way, d)]
    return shares


def explanations():
    yield saturated()
    yield walk()
    yield from doubling()
    yield twice()
    cases = json.loads(FIXTURE.read_text(encoding="utf-8"))["cases"]
    yield words(find(cases, "the bread is not good."))
    yield baselines(find(cases, "the bread is not good."))
    yield words(find(cases, "emma does not like the soup."))
    yield without_not(cases)


def saturated():
    at_text = gradient(WAY)
    return "\n".join(
        [
            f"F(2, 1) = {show(logit(WAY), 3)}     F(0, 0) = {show(logit([0, 0]), 3)}",
            f"gradient at (2, 1):    {show(at_text[0], 3)}   {show(at_text[1], 3)}",
            f"gradient at (0, 0):    {show(gradient([0, 0])[0], 3)}   {show(gradient([0, 0])[1], 3)}",
        ]
    )


def walk(steps=4):
    lines = ["    α    F there   first: 2 · ∂F   second: 1 · ∂F   both"]
    rows = []
    for k in range(steps):
        alpha = (k + 0.5) / steps
        parts = [v * d for v, d in zip(WAY, gradient(point(alpha)))]
        rows.append(parts)
        numbers = show(parts[0], 3, 16) + show(parts[1], 3, 17) + show(sum(parts), 3, 9)
        lines.append(f"{alpha:.3f}{show(logit(point(alpha)), 3, 9)}{numbers}")
    means = [sum(column) / steps for column in zip(*rows)]
    lines.append("mean" + " " * 10 + show(means[0], 3, 16) + show(means[1], 3, 17) + show(sum(means), 3, 9))
    return "\n".join(lines)


def doubling():
    change = logit(WAY) - logit([0, 0])
    lines = ["steps    sum     of the change"]
    for steps in (1, 2, 4, 8, 16):
        total = sum(integrated(steps))
        lines.append(f"{steps:>5}{show(total, 3, 8)}{show(100 * total / change, 1, 13)} %")
    yield "\n".join(lines)
    shares = integrated(16)
    yield f"{show(shares[0], 4)} + {show(shares[1], 4)} = {show(sum(shares), 4)}"


def twice():
    both, weights = [2.0, 2.0], [1.0, 1.0]
    lost = logit(both, weights) - logit([2.0, 0.0], weights)
    share = integrated(64, both, weights)[0]
    return "\n".join(
        [
            f"F(2, 2) = {show(logit(both, weights), 3)}   F(2, 0) = {show(logit([2.0, 0.0], weights), 3)}   F(0, 0) = 0.000",
            f"occlusion              {show(lost, 3)} each, {show(2 * lost, 3)} together",
            f"integrated gradients   {show(share, 3)} each, {show(2 * share, 3)} together",
        ]
    )


def find(cases, text):
    """The first case of that text: of the class that the model puts first."""
    return next(case for case in cases if case["first"] == text and case["second"] is None)


def spelled(case):
    """The tokens between [CLS] and [SEP]: in these texts each is a word."""
    assert all(not token.startswith("##") for token in case["tokens"])
    return case["tokens"][1:-1]


def words(case):
    attributions = case["baselines"]["mask"]["attributions"][1:-1]
    lines = ["word    integrated   occlusion"]
    for word, attribution, without in zip(spelled(case), attributions, case["words"]):
        lines.append(f"{word:<8}{show(attribution, 2, 10)}{show(case['logit'] - without['logit'], 2, 12)}")
    change = case["logit"] - case["baselines"]["mask"]["logit"]
    lines.append(f"sum     {show(sum(attributions), 2, 10)}   of {show(case['logit'], 2)} − ({show(case['logit'] - change, 2)}) = {show(change, 2)}")
    return "\n".join(lines)


def baselines(case):
    lines = ["baseline  its logit" + "".join(word.rjust(8) for word in spelled(case)) + "     sum"]
    for name in ("mask", "pad", "zero"):
        of = case["baselines"][name]
        numbers = of["attributions"][1:-1]
        lines.append(f"{name:<8}{show(of['logit'], 2, 11)}" + "".join(show(x, 2, 8) for x in numbers + [sum(numbers)]))
    return "\n".join(lines)


def without_not(cases):
    with_not, like = find(cases, "emma does not like the soup."), find(cases, "emma does like the soup.")
    hidden = with_not["words"][spelled(with_not).index("not")]
    rows = [
        ("emma does not like the soup.", with_not["score"]),
        ("emma does [MASK] like the soup.", hidden["score"]),
        ("emma does like the soup.", like["score"]),
    ]
    assert with_not["class"] == like["class"] == 0
    return "\n".join(f"{text:<32}  negative {show(score, 3)}" for text, score in rows)


if __name__ == "__main__":
    print("\n\n".join(explanations()))
