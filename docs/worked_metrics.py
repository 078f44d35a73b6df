"""The numbers of the chapter on metrics; worked_numbers.py prints and checks them.

Standard library only.
"""

import math
import re
import string

CLASSES = ["bug", "question", "wish"]
MATRIX = [[40, 2, 3], [3, 15, 2], [6, 1, 8]]  # row: what it is, column: what it was taken for
GOLD = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
POSITIVE = [0.9, 0.8, 0.4]
NEGATIVE = [0.7, 0.3, 0.2, 0.1]
# Confidence, and whether it was right.
SAID = [(0.55, 1), (0.58, 0), (0.65, 1), (0.68, 0), (0.75, 1), (0.78, 1), (0.85, 0), (0.88, 1), (0.95, 1), (0.98, 1)]
SEEDS = [0.861, 0.874, 0.850, 0.881, 0.859]
Z = 1.959963984540054


def show(x, places, width=0):
    return f"{x:.{places}f}".replace("-", "−").rjust(width)


def mean(numbers):
    return sum(numbers) / len(numbers)


def metrics():
    yield always_no()
    yield matrix()
    yield classes()
    yield averages()
    yield harmonic()
    yield two_classes()
    yield four_corners()
    yield three_classes()
    yield correlations()
    yield half_the_scale()
    yield area()
    yield staircase()
    yield by_ranks()
    yield bins()
    yield brier()
    yield entities()
    yield answers()
    yield spread()
    yield ends()
    yield intervals()


# ---- one class for each example -------------------------------------------------------------


def always_no():
    return "\n".join(["95 harmless titles, 5 about security", "always \"harmless\"   right 95 of 100   accuracy 0.95", "found of the 5      0 of 5            recall 0.00"])


def matrix():
    lines = ["              taken for", "            bug  question  wish   all"]
    for name, row in zip(CLASSES, MATRIX):
        lines.append(f"{name:<10}{row[0]:>5}{row[1]:>10}{row[2]:>6}{sum(row):>6}")
    sums = [sum(column) for column in zip(*MATRIX)]
    lines.append(f"{'all':<10}{sums[0]:>5}{sums[1]:>10}{sums[2]:>6}{sum(sums):>6}")
    return "\n".join(lines)


def counts(of):
    """Right, predicted and gold of one class."""
    return MATRIX[of][of], sum(row[of] for row in MATRIX), sum(MATRIX[of])


def scores(right, predicted, gold):
    return right / predicted, right / gold, 2 * right / (predicted + gold)


def classes():
    lines = ["            precision          recall            F1"]
    for place, name in enumerate(CLASSES):
        right, predicted, gold = counts(place)
        p, r, f = scores(right, predicted, gold)
        lines.append(f"{name:<10}{f'{right}/{predicted}':>7} = {show(p, 3)}{f'{right}/{gold}':>8} = {show(r, 3)}{f'{2 * right}/{predicted + gold}':>8} = {show(f, 3)}")
    return "\n".join(lines)


def averages():
    of = [counts(place) for place in range(3)]
    f1 = [scores(*c)[2] for c in of]
    right, total = sum(c[0] for c in of), sum(c[2] for c in of)
    weighted = sum(f * c[2] for f, c in zip(f1, of)) / total
    terms = " + ".join(f"{c[2]}·{show(f, 3)}" for f, c in zip(f1, of))
    return "\n".join([
        f"accuracy           {right}/{total} = {show(right / total, 4)}",
        f"micro F1           2·{right}/({total} + {total}) = {show(right / total, 4)}",
        f"macro F1           ({' + '.join(show(f, 3) for f in f1)}) / 3 = {show(mean(f1), 3)}",
        f"weighted F1        ({terms}) / {total} = {show(weighted, 3)}",
        f"balanced accuracy  ({' + '.join(show(c[0] / c[2], 3) for c in of)}) / 3 = {show(mean([c[0] / c[2] for c in of]), 3)}",
    ])


def harmonic():
    p, r = 1.0, 0.02
    return f"P = 1.00, R = 0.02   half their sum {show((p + r) / 2, 2)}   F1 = 2·1.00·0.02 / 1.02 = {show(2 * p * r / (p + r), 2)}"


def mcc(matrix):
    n = sum(map(sum, matrix))
    right = sum(matrix[k][k] for k in range(len(matrix)))
    gold, predicted = [sum(row) for row in matrix], [sum(column) for column in zip(*matrix)]
    above = right * n - sum(t * p for t, p in zip(gold, predicted))
    below = (n * n - sum(p * p for p in predicted)) * (n * n - sum(t * t for t in gold))
    return above, below, above / math.sqrt(below) if below else 0.0


def two_classes():
    """Three models on 10 positives and 90 negatives; rows: no, yes."""
    lines = ["                found of 10   false alarms of 90   accuracy     F1    MCC"]
    for name, found, alarms in (("says no", 0, 0), ("careful", 4, 4), ("bold", 9, 9)):
        table = [[90 - alarms, alarms], [10 - found, found]]
        accuracy = (90 - alarms + found) / 100
        f1 = 2 * found / (found + alarms + 10) if found else 0.0
        lines.append(f"{name:<15}{found:>12}{alarms:>21}{show(accuracy, 2, 11)}{show(f1, 2, 7)}{show(mcc(table)[2], 2, 7)}")
    return "\n".join(lines)


def four_corners():
    tp, fn, fp, tn = 4, 6, 4, 86
    return f"careful: ({tp}·{tn} − {fp}·{fn}) / √({tp + fn}·{tn + fp}·{tp + fp}·{tn + fn}) = {tp * tn - fp * fn}/{show(math.sqrt((tp + fn) * (tn + fp) * (tp + fp) * (tn + fn)), 1)} = {show(mcc([[tn, fp], [fn, tp]])[2], 2)}"


def three_classes():
    above, below, found = mcc(MATRIX)
    right, n = sum(MATRIX[k][k] for k in range(3)), 80
    gold, predicted = [sum(row) for row in MATRIX], [sum(column) for column in zip(*MATRIX)]
    both = " + ".join(f"{t}·{p}" for t, p in zip(gold, predicted))
    return "\n".join([
        f"c·n − Σ tₖ·pₖ = {right}·{n} − ({both}) = {above}",
        f"n² − Σ pₖ² = {n * n - sum(p * p for p in predicted)}   n² − Σ tₖ² = {n * n - sum(t * t for t in gold)}",
        f"MCC = {above} / √{below} = {show(found, 3)}",
    ])


# ---- numbers --------------------------------------------------------------------------------


def pearson(x, y):
    a, b = [v - mean(x) for v in x], [v - mean(y) for v in y]
    return sum(p * q for p, q in zip(a, b)) / math.sqrt(sum(p * p for p in a) * sum(q * q for q in b))


def ranks(values):
    return [float(sorted(values).index(v) + 1) for v in values]


def r_squared(gold, found):
    return 1 - sum((y - x) ** 2 for x, y in zip(found, gold)) / sum((y - mean(gold)) ** 2 for y in gold)


def correlations():
    cases = [
        ("near", [0.3, 0.8, 2.1, 2.7, 4.2, 4.8]),
        ("half the scale", [y / 2 for y in GOLD]),
        ("squares", [y * y / 5 for y in GOLD]),
        ("always 2.5", [2.5] * 6),
    ]
    lines = ["gold              " + " ".join(show(y, 1) for y in GOLD) + "   Pearson  Spearman     R²"]
    for name, found in cases:
        constant = len(set(found)) == 1
        r = ["   none", "     none"] if constant else [show(pearson(GOLD, found), 3, 8), show(pearson(ranks(GOLD), ranks(found)), 3, 9)]
        lines.append(f"{name:<18}" + " ".join(show(x, 1) for x in found) + f"  {r[0]:>8}{r[1]:>10}{show(r_squared(GOLD, found), 3, 7)}")
    return "\n".join(lines)


def half_the_scale():
    found = [y / 2 for y in GOLD]
    lost = sum((y - x) ** 2 for x, y in zip(found, GOLD))
    all_ = sum((y - mean(GOLD)) ** 2 for y in GOLD)
    return f"half the scale: R² = 1 − {show(lost, 2)}/{show(all_, 1)} = {show(1 - lost / all_, 3)}"


# ---- ranking and calibration ----------------------------------------------------------------


def area():
    pairs = [(p, q) for p in POSITIVE for q in NEGATIVE]
    right = sum(p > q for p, q in pairs)
    return "\n".join([
        "positives   " + "  ".join(show(p, 1) for p in POSITIVE) + "        negatives   " + "  ".join(show(q, 1) for q in NEGATIVE),
        f"pairs in the right order   {right} of {len(pairs)}   AUC = {show(right / len(pairs), 3)}",
    ])


def roc():
    """(found, false alarms) as the threshold falls from score to score."""
    points = []
    for threshold in sorted(POSITIVE + NEGATIVE, reverse=True):
        points.append((threshold, sum(p >= threshold for p in POSITIVE), sum(q >= threshold for q in NEGATIVE)))
    return points


def staircase():
    n, m = len(POSITIVE), len(NEGATIVE)
    share = lambda count, of: str(count // of) if count % of == 0 else f"{count}/{of}"
    lines = ["threshold     " + "".join(show(t, 1, 6) for t, _, _ in roc())]
    lines.append("found         " + "".join(share(found, n).rjust(6) for _, found, _ in roc()))
    lines.append("false alarms  " + "".join(share(alarms, m).rjust(6) for _, _, alarms in roc()))
    steps, before = [], 0
    for _, found, alarms in roc():
        if alarms > before:
            steps.append((alarms - before, found))
        before = alarms
    total = sum(width * height for width, height in steps)
    widths = {height: sum(w for w, h in steps if h == height) for _, height in steps}
    terms = "  +  ".join(f"{share(width, m)} · {share(height, n)}" for height, width in widths.items())
    return "\n".join(lines + [f"area under it  {terms}  =  {total}/{n * m}"])


def by_ranks():
    everything = sorted(POSITIVE + NEGATIVE)
    of = [everything.index(p) + 1 for p in POSITIVE]
    n, m = len(POSITIVE), len(NEGATIVE)
    return "\n".join([
        "pairs in the right order = Σ(r − 1) − n₊(n₊ − 1)/2 = Σ r − n₊(n₊ + 1)/2",
        f"n₊ = {n}, n₋ = {m}:  {' + '.join(map(str, of))} − {n}·({n} + 1)/2 = {sum(of) - n * (n + 1) // 2} of n₊·n₋ = {n * m}",
    ])


def bins():
    lines = ["confidence   predictions   mean confidence   right   distance"]
    error = 0.0
    for low in (0.5, 0.6, 0.7, 0.8, 0.9):
        inside = [(c, right) for c, right in SAID if low < c <= low + 0.1]
        confidence, accuracy = mean([c for c, _ in inside]), mean([r for _, r in inside])
        error += len(inside) / len(SAID) * abs(accuracy - confidence)
        lines.append(f"{show(low, 1)} to {show(low + 0.1, 1)}{len(inside):>13}{show(confidence, 3, 18)}{show(accuracy, 2, 8)}{show(abs(accuracy - confidence), 3, 11)}")
    return "\n".join(lines) + f"\nexpected calibration error {show(error, 3)}"


def brier():
    rows = [(0.9, "sure and right"), (0.6, "unsure and right"), (0.4, "unsure and wrong"), (0.1, "sure and wrong")]
    lines = ["p of the right class   Brier score          log loss"]
    for p, name in rows:
        lines.append(f"{show(p, 1)}  {name:<18}({show(p, 1)} − 1)² + {show(1 - p, 1)}² = {show((p - 1) ** 2 + (1 - p) ** 2, 2)}{show(-math.log(p), 2, 7)}")
    return "\n".join(lines)


# ---- entities and answers -------------------------------------------------------------------


def entities():
    gold = [("PER", 0, 2), ("LOC", 5, 7), ("PER", 9, 10)]
    found = [("PER", 0, 2), ("LOC", 6, 7), ("PER", 9, 10), ("ORG", 3, 4)]
    right = len(set(gold) & set(found))
    p, r = right / len(found), right / len(gold)
    return "\n".join([
        f"entities there {len(gold)}, found {len(found)}, right {right}",
        f"precision {right}/{len(found)} = {show(p, 3)}   recall {right}/{len(gold)} = {show(r, 3)}   F1 = {2 * right}/{len(gold) + len(found)} = {show(2 * right / (len(gold) + len(found)), 3)}",
    ])


def normalise(text):
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def answers():
    predicted = "In Spring 1912"
    lines = [f"predicted  {predicted:<31}{' '.join(normalise(predicted))}"]
    best = 0.0
    for gold in ("in the early spring of 1912", "spring, 1912"):
        words, left = normalise(gold), normalise(predicted)
        common = sum(min(words.count(w), left.count(w)) for w in set(words))
        p, r = common / len(left), common / len(words)
        f = 2 * p * r / (p + r)
        best = max(best, f)
        lines.append(f"gold       {gold:<31}{' '.join(words):<27}P {common}/{len(left)}  R {common}/{len(words)}  F1 {show(f, 3)}")
    return "\n".join(lines) + f"\nexact match 0, F1 {show(best, 3)}"


# ---- how sure is it? ------------------------------------------------------------------------


def spread():
    m = mean(SEEDS)
    s = math.sqrt(sum((x - m) ** 2 for x in SEEDS) / (len(SEEDS) - 1))
    return "\n".join([
        "five seeds           " + "  ".join(show(x, 3) for x in SEEDS),
        f"mean                 {show(m, 3)}",
        f"standard deviation   {show(s, 4)}",
        f"standard error       {show(s, 4)} / √5 = {show(s / math.sqrt(5), 4)}",
    ])


def wilson(right, n):
    p = right / n
    shrink = 1 + Z * Z / n
    centre, half = (p + Z * Z / (2 * n)) / shrink, Z / shrink * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    return centre - half, centre + half


def ends():
    q, n = 0.9, 10
    a, b, c = Z * Z / (2 * n), q * (1 - q) / n, Z * Z / (4 * n * n)
    low, high = wilson(9, 10)
    return (
        f"9 of 10: ({show(q, 1)} + {show(a, 3)} ± {show(Z, 2)}·√({show(b, 4)} + {show(c, 4)})) / {show(1 + 2 * a, 3)}"
        f" = ({show(q + a, 3)} ± {show(Z * math.sqrt(b + c), 3)})/{show(1 + 2 * a, 3)} = {show(low, 3)} and {show(high, 3)}"
    )


def intervals():
    lines = ["right        accuracy   Wilson's interval, 95 %"]
    for right, n in ((9, 10), (90, 100), (900, 1000)):
        low, high = wilson(right, n)
        lines.append(f"{f'{right} of {n}':<12}{show(right / n, 2, 9)}{show(low, 3, 9)} and {show(high, 3)}")
    return "\n".join(lines)


if __name__ == "__main__":
    print("\n\n".join(metrics()))
