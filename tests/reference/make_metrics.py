"""Makes tests/fixtures/metrics/metrics.json: random cases of every metric, with what other programs say of them.

    python tests/reference/make_metrics.py [--out DIR]

Expected values are those of scikit-learn (classes, labels, ranking, probabilities), scipy (correlation, Wilson's interval),
numpy (spread) and seqeval (entities; conlleval's counts by its published rule, written below). SQuAD's evaluation is
written below from its published definition: transformers 5 no longer has it. A value that is not a number is null.

    classes        gold, predicted (a digit for each example); classes [class, precision, recall, F1, support] of those that
                   occur, micro, macro, weighted [precision, recall, F1]; accuracy, balanced, matthews, report
    multi_label    gold, predicted (rows of `labels` digits, end to end); as above, and examples, subset, hamming
    numbers        x (gold), y; pearson, spearman, mse, mae, r2
    ranking        gold, scores; auc, ap, curve [false positive rate, true positive rate, threshold] (null where undefined;
                   the first threshold is infinite and null)
    probabilities  gold, weights [n, C] in 1/1024; auc, brier, log_loss, bins, ece, filled [accuracy, confidence] of each
                   bin that is not empty
    spread         values; mean, deviation, error
    wilson         [right, total, low, high]
    sentences      [tags, entities [type, first word, last word]], one sentence each
    tagging        gold, predicted (sentences); types [type, precision, recall, F1, support], micro, macro, weighted,
                   accuracy, report; conlleval [type, right, predicted, gold] where only B, I, O occur
    answers        gold, predicted; normalised [gold, predicted], exact, f1_1, f1_2 (versions 1.1 and 2.0)
    squad          questions [gold answers, answer, null odds], threshold; version_1 [exact, f1]; version_2 and without_odds
                   (name to value)
    lower          [text, normalised], for the small letters of Σ
    unicode        large, small: every character that str.lower changes, and into what (U+0000 between); spaces: what
                   str.split parts at; letters: [first, last] ranges of \\w without _; unassigned: of what this Python's
                   Unicode does not know
"""

import collections
import itertools
import json
import math
import random
import re
import string
import sys
import unicodedata
import warnings

from common import clear_folder, fixtures_folder, versions, write_text
import numpy
import scipy
import scipy.stats
import sklearn
import sklearn.calibration
import sklearn.metrics
from seqeval.metrics import sequence_labeling

SEED = 2718
# Undefined values are part of the fixture, so what the judges say about them need not be printed.
warnings.simplefilter("ignore")


def plain(value):
    """Numbers as Python's own, NaN as None, all containers as lists or dicts."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, numpy.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, (float, numpy.floating)):
        return None if math.isnan(value) else float(value)
    return int(value) if isinstance(value, numpy.integer) else value


def size(draw, most=200):
    """Small sizes are where the odd cases are."""
    return min(most, draw.choice([1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, most]))


# ---- classes and labels ---------------------------------------------------------------------


def scores(judge, gold, predicted, **settings):
    return judge(gold, predicted, zero_division=0, **settings)


def averages(gold, predicted, names):
    judge = sklearn.metrics.precision_recall_fscore_support
    return {name: scores(judge, gold, predicted, average=average)[:3] for name, average in names.items()}


AVERAGES = {"micro": "micro", "macro": "macro", "weighted": "weighted"}


CLASS_NAMES = ["no", "yes", "perhaps", "a rather long label", "größer als überhaupt möglich", "x", "日本語"]


def classes_case(draw, index):
    count = draw.randint(2, 7)
    n = size(draw)
    among = draw.sample(range(count), draw.randint(1, count)) if draw.random() < 0.5 else range(count)
    gold = [draw.choice(list(among)) for _ in range(n)]
    skill = draw.choice([0.0, 0.3, 0.6, 0.9, 1.0])
    predicted = [label if draw.random() < skill else draw.randrange(count) for label in gold]
    if draw.random() < 0.15:
        predicted = [draw.randrange(count)] * n
    occurring = sorted(set(gold) | set(predicted))
    each = zip(*scores(sklearn.metrics.precision_recall_fscore_support, gold, predicted, labels=occurring))
    case = {
        "count": count,
        "gold": "".join(map(str, gold)),
        "predicted": "".join(map(str, predicted)),
        "classes": [[label, *row[:3], int(row[3])] for label, row in zip(occurring, each)],
        "accuracy": sklearn.metrics.accuracy_score(gold, predicted),
        "balanced": sklearn.metrics.balanced_accuracy_score(gold, predicted),
        "matthews": sklearn.metrics.matthews_corrcoef(gold, predicted),
    } | averages(gold, predicted, AVERAGES)
    if index % 4 == 0:
        names = [CLASS_NAMES[label] for label in occurring]
        case["report"] = scores(
            sklearn.metrics.classification_report, gold, predicted, labels=occurring, target_names=names, digits=3
        )
        # Told the labels, scikit-learn still says "accuracy", as these are all that occur.
        assert "accuracy" in case["report"]
    return case


def multi_label_case(draw, index):
    labels = draw.randint(2, 6)
    n = size(draw, 60)
    share = draw.choice([0.1, 0.4, 0.8])
    gold = numpy.array([[int(draw.random() < share) for _ in range(labels)] for _ in range(n)])
    predicted = numpy.array([[int(draw.random() < 0.3) ^ one for one in row] for row in gold])
    if draw.random() < 0.3:
        gold[:, draw.randrange(labels)] = 0
    if draw.random() < 0.3:
        predicted[:, draw.randrange(labels)] = draw.randrange(2)
    each = scores(sklearn.metrics.precision_recall_fscore_support, gold, predicted)
    case = {
        "labels": labels,
        "gold": "".join(map(str, gold.reshape(-1))),
        "predicted": "".join(map(str, predicted.reshape(-1))),
        "classes": [[label, *row] for label, row in enumerate(zip(*each))],
        "subset": sklearn.metrics.accuracy_score(gold, predicted),
        "hamming": sklearn.metrics.hamming_loss(gold, predicted),
    } | averages(gold, predicted, AVERAGES | {"examples": "samples"})
    if index % 8 == 0:
        names = [f"label {label}" for label in range(labels)]
        case["report"] = scores(
            sklearn.metrics.classification_report, gold, predicted, target_names=names, digits=2
        )
    return case


# ---- numbers, ranking, probabilities --------------------------------------------------------


def numbers_case(draw, index):
    n = size(draw) if index else 1
    kind = draw.choice(["grid", "thousandths", "constant", "line"])
    x = [draw.randint(0, 20) / 4 if kind == "grid" else draw.randint(-9999, 9999) / 1000 for _ in range(n)]
    y = [value + draw.choice([0, 0.25, -0.5, 1]) if kind == "grid" else draw.randint(-9999, 9999) / 1000 for value in x]
    if kind == "constant":
        constant = [draw.choice([0.1, 1.1, -3.3])] * n
        x, y = draw.choice([(constant, y), (x, constant), (constant, constant)])
    if kind == "line":
        y = [3 - 2 * value for value in x]
    few = n < 2  # scipy refuses
    # R² does not change when both are shifted. A mean of equal numbers may be rounded, and scikit-learn then takes the noise
    # for a variance (R² = -7e32); of zeros it is exact.
    shift = x[0] if len(set(x)) == 1 else 0
    return {
        "x": x,
        "y": y,
        "pearson": math.nan if few else scipy.stats.pearsonr(x, y).statistic,
        "spearman": scipy.stats.spearmanr(x, y).statistic,
        "mse": sklearn.metrics.mean_squared_error(x, y),
        "mae": sklearn.metrics.mean_absolute_error(x, y),
        "r2": sklearn.metrics.r2_score([value - shift for value in x], [value - shift for value in y]),
    }


def ranking_case(draw):
    n = size(draw)
    share = draw.choice([0, 0.1, 0.5, 0.5, 0.9, 1])
    gold = [int(draw.random() < share) for _ in range(n)]
    steps = draw.choice([1, 4, 8, 1000])
    scores_ = [draw.randint(-steps, steps + steps * label) / steps for label in gold]
    case = {
        "gold": "".join(map(str, gold)),
        "scores": scores_,
        "auc": sklearn.metrics.roc_auc_score(gold, scores_),
        "ap": sklearn.metrics.average_precision_score(gold, scores_),
        "curve": None,
    }
    if 0 < sum(gold) < n:
        curve = numpy.array(sklearn.metrics.roc_curve(gold, scores_, drop_intermediate=False)).T.tolist()
        # The first threshold is infinite, which JSON lacks.
        case["curve"] = [[*curve[0][:2], None], *curve[1:]]
    return case


def calibration_error(confidences, right, count):
    """Guo et al. 2017, equation 3: bin m holds the confidences in ((m - 1)/M, m/M]."""
    confidences, right = numpy.array(confidences), numpy.array(right)
    error = 0.0
    for index in range(count):
        inside = (confidences > index / count) & (confidences <= (index + 1) / count)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidences[inside].mean())
    return error


def probabilities_case(draw):
    count = draw.randint(2, 5)
    n = size(draw, 60)
    rows = []
    for _ in range(n):
        parts = sorted(draw.choice([draw.randint(0, 1024), 128 * draw.randint(0, 8)]) for _ in range(count - 1))
        rows.append([high - low for low, high in zip([0, *parts], [*parts, 1024])])
    gold = [draw.choices(range(count), weights=[w + 50 for w in row])[0] for row in rows]
    if draw.random() < 0.2:
        gold = [0] * n
    probabilities = numpy.array(rows) / 1024
    confidences = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == numpy.array(gold)).astype(int)
    bins = draw.choice([5, 8, 10, 15, 16])
    # With two classes scikit-learn wants one column; the other gives the same area.
    if count == 2:
        auc = sklearn.metrics.roc_auc_score(gold, probabilities[:, 1])
    else:
        auc = sklearn.metrics.roc_auc_score(gold, probabilities, multi_class="ovr", labels=range(count))
    filled = list(zip(*sklearn.calibration.calibration_curve(right, confidences, n_bins=bins)))
    return {
        "count": count,
        "gold": "".join(map(str, gold)),
        "weights": [weight for row in rows for weight in row],
        "auc": auc,
        "brier": sklearn.metrics.brier_score_loss(gold, probabilities, labels=range(count), scale_by_half=False),
        "log_loss": sklearn.metrics.log_loss(gold, probabilities, labels=range(count)),
        "bins": bins,
        "ece": calibration_error(confidences, right, bins),
        "filled": filled,
    }


def spread_case(draw):
    values = [draw.randint(8000, 9500) / 10000 for _ in range(draw.randint(1, 10))]
    deviation = numpy.std(values, ddof=1)
    error = scipy.stats.sem(values) if len(values) > 1 else math.nan
    return {"values": values, "mean": numpy.mean(values), "deviation": deviation, "error": error}


def wilson_case(draw):
    total = draw.choice([1, 2, 5, 30, 100, 1000, 10000])
    right = draw.choice([0, total, draw.randint(0, total), draw.randint(0, total)])
    interval = scipy.stats.binomtest(right, total).proportion_ci(confidence_level=0.95, method="wilson")
    return [right, total, interval.low, interval.high]


# ---- entities -------------------------------------------------------------------------------


TYPES = ["PER", "LOC", "ORG", "MISC-art"]
ODD_TAGS = [
    "", "X-PER", "B", "I", "E", "S", "B-", "I-", "BPER", "Bx-PER", "PER", ".", ".-PER", ".-LOC", "O-PER", "X", "B-é",
    "é-PER", "I-PER-",
]  # fmt: skip


def spans(draw, length):
    """Entities that do not overlap, many of them neighbours."""
    found, place = [], 0
    while place < length:
        place += draw.choice([0, 0, 1, 2])
        end = place + draw.randint(1, 3)
        if end <= length:
            found.append((draw.choice(TYPES), place, end))
        place = end
    return found


def encode(entities, length, scheme):
    tags = ["O"] * length
    for type_, start, end in entities:
        for place in range(start, end):
            first, last = place == start, place == end - 1
            neighbour = start > 0 and tags[start - 1][1:] == f"-{type_}"
            prefix = {
                "IOB1": "B" if first and neighbour else "I",
                "IOB2": "B" if first else "I",
                "IOE2": "E" if last else "I",
                "IOBES": "S" if first and last else "B" if first else "E" if last else "I",
            }[scheme]
            tags[place] = f"{prefix}-{type_}"
    return tags


def broken(draw, tags, scheme, share):
    """Some tags replaced by any others of the scheme."""
    prefixes = {"IOB1": "BI", "IOB2": "BI", "IOE2": "EI", "IOBES": "BIES"}[scheme]
    other = lambda: draw.choice(["O", *[f"{draw.choice(prefixes)}-{type_}" for type_ in TYPES[:2]]])
    return [other() if draw.random() < share else tag for tag in tags]


def conlleval(gold, predicted):
    """Counts by type as the published conlleval program (2004) has them, for tags with B, I and O, a type behind a hyphen.

    It goes word by word and compares both columns at once: an entity is right if it began at the same word, with the same
    type, and ended at the same word, in both.
    """

    def split(tag):
        prefix, _, type_ = tag.partition("-")
        return prefix, type_

    def ended(before, now):
        pairs = {("B", "B"), ("B", "O"), ("I", "B"), ("I", "O"), ("E", "E"), ("E", "I"), ("E", "O")}
        return (before[0], now[0]) in pairs or (before[0] != "O" and before[1] != now[1])

    def began(before, now):
        pairs = {("B", "B"), ("I", "B"), ("O", "B"), ("O", "I"), ("E", "E"), ("E", "I"), ("O", "E")}
        return (before[0], now[0]) in pairs or (now[0] != "O" and before[1] != now[1])

    right, found, there = collections.Counter(), collections.Counter(), collections.Counter()
    before = [("O", ""), ("O", "")]
    same = False
    # After each sentence one line outside.
    lines = [pair for columns in zip(gold, predicted) for pair in [*zip(*columns), ("O", "O")]]
    for line in lines:
        now = [split(tag) for tag in line]
        ends = [ended(b, n) for b, n in zip(before, now)]
        begins = [began(b, n) for b, n in zip(before, now)]
        if same:
            if all(ends) and before[0][1] == before[1][1]:
                same = False
                right[before[0][1]] += 1
            elif ends[0] != ends[1] or now[0][1] != now[1][1]:
                same = False
        if all(begins) and now[0][1] == now[1][1]:
            same = True
        there[now[0][1]] += begins[0]
        found[now[1][1]] += begins[1]
        before = now
    types = sorted(type_ for type_ in set(found) | set(there) if found[type_] + there[type_])
    return [[type_, right[type_], found[type_], there[type_]] for type_ in types]


def check_conlleval():
    """It counts as seqeval does, on every pair of sentences of three words with two types."""
    tags = ["O", "B-X", "I-X", "B-Y", "I-Y"]
    sentences = [list(words) for words in itertools.product(tags, repeat=3)]
    entities = [set(sequence_labeling.get_entities(words)) for words in sentences]
    for (gold, there), (predicted, found) in itertools.product(zip(sentences, entities), repeat=2):
        right = there & found
        expected = [[type_, *(sum(e[0] == type_ for e in part) for part in (right, found, there))] for type_ in "XY"]
        assert conlleval([gold], [predicted]) == [row for row in expected if any(row[1:])], (gold, predicted)


def sentence_case(draw):
    length = draw.randint(1, 12)
    scheme = draw.choice(["IOB1", "IOB2", "IOE2", "IOBES"])
    tags = broken(draw, encode(spans(draw, length), length, scheme), scheme, draw.choice([0, 0.3, 1]))
    if draw.random() < 0.5:
        tags = [draw.choice(ODD_TAGS) or "O" if draw.random() < 0.5 else tag for tag in tags]
    return [" ".join(tags), sequence_labeling.get_entities(tags)]


def tagging_case(draw, index):
    scheme = draw.choice(["IOB1", "IOB2", "IOE2", "IOBES"])
    share = draw.choice([0, 0.1, 0.3, 1])
    gold, predicted = [], []
    for _ in range(draw.randint(1, 12)):
        length = draw.randint(1, 15)
        entities = spans(draw, length) if draw.random() < 0.9 else []
        gold.append(broken(draw, encode(entities, length, scheme), scheme, draw.choice([0, 0.2])))
        kept = [entity for entity in entities if draw.random() < 0.8]
        predicted.append(broken(draw, encode(kept, length, scheme), scheme, share))
    if draw.random() < 0.1:
        predicted = [["O"] * len(tags) for tags in predicted]
    judge = sequence_labeling.precision_recall_fscore_support
    kinds = sorted({entity[0] for tags in (gold, predicted) for entity in sequence_labeling.get_entities(tags)})
    case = {
        "gold": [" ".join(tags) for tags in gold],
        "predicted": [" ".join(tags) for tags in predicted],
        "types": [list(row) for row in zip(kinds, *scores(judge, gold, predicted))],
        "accuracy": sequence_labeling.accuracy_score(gold, predicted),
    } | {name: scores(judge, gold, predicted, average=name)[:3] for name in AVERAGES}
    if scheme in ("IOB1", "IOB2"):
        case["conlleval"] = conlleval(gold, predicted)
    if index % 4 == 0 and kinds:
        case["report"] = scores(sequence_labeling.classification_report, gold, predicted, digits=4)
    return case


# ---- SQuAD ----------------------------------------------------------------------------------
# The definition: Rajpurkar et al. 2016, section 5; the evaluation programs of versions 1.1 and 2.0.


def normalise(text):
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(?:a|an|the)\b", " ", text).split())


def word_f1(gold, predicted, both_empty):
    gold, predicted = normalise(gold).split(), normalise(predicted).split()
    if not gold and not predicted:
        return both_empty
    common = (collections.Counter(gold) & collections.Counter(predicted)).total()
    if not common:
        return 0.0
    precision, recall = common / len(predicted), common / len(gold)
    return 2 * precision * recall / (precision + recall)


def exact(gold, predicted):
    return float(normalise(gold) == normalise(predicted))


def percent(values):
    return 100 * sum(values) / len(values)


def version_1(questions):
    best = lambda score: percent([max(score(gold, answer) for gold in golds) for golds, answer, _ in questions])
    return [best(exact), best(lambda gold, answer: word_f1(gold, answer, 0.0))]


def best_threshold(questions, raw):
    current = best = sum(not golds for golds, _, _ in questions)
    threshold = 0.0
    for place in sorted(range(len(questions)), key=lambda place: questions[place][2]):
        golds, answer, odds = questions[place]
        current += raw[place] if golds else -1 if answer else 0
        if current > best:
            best, threshold = current, odds
    return 100 * best / len(questions), threshold


def version_2(questions, threshold, with_odds):
    raw = {"exact": [], "f1": []}
    for golds, answer, _ in questions:
        golds = [gold for gold in golds if normalise(gold)] or [""]
        raw["exact"].append(max(exact(gold, answer) for gold in golds))
        raw["f1"].append(max(word_f1(gold, answer, 1.0) for gold in golds))
    found = {}
    groups = {"": lambda golds: True, "HasAns_": bool, "NoAns_": lambda golds: not golds}
    for prefix, belongs in groups.items():
        places = [place for place, question in enumerate(questions) if belongs(question[0])]
        if not places:
            continue
        for name, values in raw.items():
            judged = [
                float(not questions[place][0]) if (questions[place][2] if with_odds else 0.0) > threshold else values[place]
                for place in places
            ]
            found[prefix + name] = percent(judged)
        found[prefix + "total"] = len(places)
    if with_odds:
        for name, values in raw.items():
            found[f"best_{name}"], found[f"best_{name}_thresh"] = best_threshold(questions, values)
    return found


WORDS = [
    "the", "The", "THE", "a", "A", "an", "An", "theatre", "Paris", "paris.", "ΟΔΥΣΣΕΥΣ", "Σ", "ΣΑΣ", "İstanbul", "ISTANBUL",
    "straße", "STRASSE",
    "ẞ", "Ǆ", "ﬁn", "e\u0301te\u0301", "été", "a\u0301", "á", "a\u0345", "the\u0308", "an\u200bd", "a\u00ad",
    "a\u093e", "aⓐ", "the🄰", "a\u20dd", "1,000", "1.000", "$5", "5€", "3–4", "3-4", "a-b", "the-end", "“the”", "«a»", "it's",
    "it’s", "U.S.", "a_b", "_the_", "a1", "1a", "a²", "aⅨ", "日本", "の", "a日", "ा", "café", "¿que?", "…", "—", "!", "\"an\"",
    "(the)", "an'",
    "x\u1680y", "\ufeffthe", "a\u2060", "ʼn", "ŉ", "ÀÉ", "Ⅷ", "Ⓑ", "ꙊA", "𐐀", "𝐀", "A\u0300", "no", "no", "yes",
]  # fmt: skip
SPACES = [
    " ", " ", " ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u2003", "\u2028",
    "\u3000", "\x1c", "\x1f", "\x85", "\u202f", "\x0b", "\u200b", "\u180e",
]  # fmt: skip


def phrase(draw, most=6):
    text = draw.choice(["", "", " "])
    for _ in range(draw.randint(1, most)):
        text += draw.choice(WORDS) + draw.choice(SPACES)
    return text.strip(" ") if draw.random() < 0.5 else text


def variant(draw, text):
    """Another spelling of the same answer, or something near it."""
    kind = draw.randrange(6)
    if kind == 0:
        return text.upper()
    if kind == 1:
        return f"the {text}."
    if kind == 2:
        words = text.split()
        draw.shuffle(words)
        return " ".join(words)
    if kind == 3:
        return " ".join(text.split()[:2])
    return text if kind == 4 else phrase(draw)


def answers_case(draw):
    gold = phrase(draw)
    predicted = draw.choice(["", "the", variant(draw, gold), variant(draw, gold), variant(draw, gold)])
    if draw.random() < 0.1:
        gold = draw.choice(["", "a", "an the", ".", "\u00a0"])
    return {
        "gold": gold,
        "predicted": predicted,
        "normalised": [normalise(gold), normalise(predicted)],
        "exact": exact(gold, predicted),
        "f1_1": word_f1(gold, predicted, 0.0),
        "f1_2": word_f1(gold, predicted, 1.0),
    }


def squad_case(draw, index):
    kind = ["all", "answers", "none"][index % 3 if index < 15 else 0]
    questions = []
    for _ in range(draw.randint(1, 16)):
        gold = phrase(draw, 4)
        golds = [gold, *[variant(draw, gold) for _ in range(draw.randint(0, 2))]]
        if draw.random() < 0.1:
            golds[0] = "the"  # nothing is left of it by normalising
        if kind == "none" or (kind == "all" and draw.random() < 0.4):
            golds = []
        answer = draw.choice(["", variant(draw, gold), variant(draw, gold), gold])
        odds = draw.choice([draw.randint(-8, 8) / 2, draw.randint(-9999, 9999) / 1000, 0.0, -0.0])
        questions.append((golds, answer, odds))
    threshold = draw.choice([1.0, 0.0, -1.5, 100.0])
    case = {"questions": questions, "threshold": threshold}
    case["version_1"] = version_1(questions) if all(golds for golds, _, _ in questions) else None
    case["version_2"] = version_2(questions, threshold, with_odds=True)
    case["without_odds"] = version_2(questions, threshold, with_odds=False)
    return case


LOWER_PIECES = [
    "Σ", "Σ", "Σ", "Α", "a", "'", ".", "\u0301", "\u00ad", " ", "1", "-", "İ", "ǅ",
    "ʰ", "ª", "日", "_", ":", "’", "\u0345", "Ⅷ", "ⓐ",
]  # fmt: skip


def lower_case(draw):
    text = "".join(draw.choice(LOWER_PIECES) for _ in range(draw.randint(1, 7)))
    return [text, normalise(text)]


def ranges(belongs):
    """The code points (but the surrogates) of which it is true, as [first, last]."""
    found = []
    for point in range(sys.maxunicode + 1):
        if 0xD800 <= point < 0xE000 or not belongs(chr(point)):
            continue
        if found and found[-1][1] == point - 1:
            found[-1][1] = point
        else:
            found.append([point, point])
    return found


def unicode():
    every = [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point < 0xE000]
    large = [c for c in every if c.lower() != c]
    letter = re.compile(r"[^\W_]")
    return {
        "version": unicodedata.unidata_version,
        "large": "".join(large),
        "small": "\0".join(c.lower() for c in large),
        "spaces": "".join(c for c in every if not c.split()),
        "letters": ranges(letter.match),
        "unassigned": ranges(lambda c: unicodedata.category(c) == "Cn"),
    }


def main():
    check_conlleval()
    draw = random.Random(SEED)
    many = lambda make, count: [make(draw) for _ in range(count)]
    numbered = lambda make, count: [make(draw, index) for index in range(count)]
    judges = {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "seqeval": "1.2.2"}
    found = {
        "versions": versions() | judges,
        "classes": numbered(classes_case, 80),
        "multi_label": numbered(multi_label_case, 40),
        "numbers": numbered(numbers_case, 60),
        "ranking": many(ranking_case, 60),
        "probabilities": many(probabilities_case, 50),
        "spread": many(spread_case, 15),
        "wilson": many(wilson_case, 30),
        "sentences": many(sentence_case, 250),
        "tagging": numbered(tagging_case, 60),
        "answers": many(answers_case, 150),
        "squad": numbered(squad_case, 30),
        "lower": many(lower_case, 100),
        "unicode": unicode(),
    }
    folder = fixtures_folder() / "metrics"
    clear_folder(folder)
    lines = [f"{json.dumps(name)}: {as_lines(plain(value))}" for name, value in found.items()]
    write_text(folder / "metrics.json", "{\n" + ",\n".join(lines) + "\n}\n")


def as_lines(value):
    """A case a line."""
    compact = lambda item: json.dumps(item, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    if not isinstance(value, list):
        return compact(value)
    return "[\n" + ",\n".join(map(compact, value)) + "\n]"


if __name__ == "__main__":
    main()
