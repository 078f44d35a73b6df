"""The numbers of the chapters on transfer learning, tagging and question answering; worked_numbers.py prints and
checks them.

Standard library only.
"""

import math

from worked_losses import softmax, surprise
from worked_training import parameters, show

# ---- transfer learning ----------------------------------------------------------------------

COUNTS = {"bug": 142, "question": 81, "wish": 47}  # the training titles, a tenth set aside
EPSILON = 0.1


def transfer_learning():
    yield reach()
    yield frozen()
    yield sweep()
    yield rules()
    yield patience()
    yield triangular()
    yield balanced()
    yield smoothing()
    yield best_logit()


def reach():
    """How far a weight can get: one step of Adam moves it by about the rate, and the factors add up to half the steps."""
    lines = ["examples   steps (3 epochs of 32)   peak 5e−5   peak 3e−4"]
    for examples in (270, 10000, 400000):
        steps = 3 * math.ceil(examples / 32)
        lines.append(f"{examples:>8,}{steps:>17,}{show(5e-5 * steps / 2, 4, 20)}{show(3e-4 * steps / 2, 4, 12)}")
    return "\n".join(lines)


def frozen():
    """BERT-base with a classifier of three classes: what is trained, and what a step costs."""
    hidden, classes = 768, 3
    embeddings = (30522 + 512 + 2) * hidden + 2 * hidden
    pooler = hidden * hidden + hidden
    both, table = parameters(12, hidden)
    layer = (both - embeddings - pooler - (hidden * hidden + hidden + 2 * hidden + 30522) - (2 * hidden + 2)) // 12
    head = classes * hidden + classes
    lines = ["--freeze       numbers that learn   layers backwards"]
    for name, with_embeddings, layers in (("nothing", 1, 12), ("embeddings", 0, 12), ("6", 0, 6), ("all", 0, 0)):
        total = with_embeddings * embeddings + layers * layer + pooler + head
        lines.append(f"{name:<12}{total:>21,}{layers:>13} of 12")
    return "\n".join(lines)


def sweep():
    """The running mean and its correction for having begun at 0."""
    kept, mean = 0.9, 0.0
    lines = ["step   loss   running mean   divided by 1 − 0.9ⁿ"]
    for step, loss in enumerate((1.12, 1.06, 1.09), 1):
        mean = kept * mean + (1 - kept) * loss
        lines.append(f"{step:>4}{show(loss, 2, 7)}{show(mean, 4, 15)}{show(mean / (1 - kept**step), 4, 22)}")
    return "\n".join(lines)


SMOOTH = [5.0, 5.1, 4.9, 4.5, 3.0, 2.5, 2.6, 2.4, 9.0]


def longest_descent(losses):
    """The places of the longest falling subsequence, the first of equals."""
    best = [[i] for i in range(len(losses))]
    for i in range(len(losses)):
        for j in range(i):
            if losses[j] > losses[i] and len(best[j]) + 1 > len(best[i]):
                best[i] = best[j] + [i]
    return max(best, key=len)


def rules():
    lowest = SMOOTH.index(min(SMOOTH))
    losses = SMOOTH[: lowest + 1]
    slopes = {i: (losses[i + 1] - losses[i - 1]) / 2 for i in range(1, lowest)}
    steepest = min(slopes, key=slopes.get)
    descent = longest_descent(losses)
    middle = descent[len(descent) - 1 - len(descent) // 2]
    rate = lambda step: f"1e−{8 - step}" if step < 8 else "1"
    lines = ["step    " + "".join(f"{i:>6}" for i in range(9)), "rate    " + "".join(f"{rate(i):>6}" for i in range(9))]
    lines.append("loss    " + "".join(show(x, 1, 6) for x in SMOOTH))
    lines.append(f"{'slope':<14}" + "".join(show(slopes[i], 2, 6) for i in slopes))
    lines.append(f"steepest       step {steepest}: {rate(steepest)}")
    lines.append(f"valley         {', '.join(show(losses[i], 1) for i in descent)} is the longest descent; of these six the third, step {middle}: {rate(middle)}")
    lines.append(f"minimum / 10   the least loss is at step {lowest}, {rate(lowest)}; a tenth: {rate(lowest - 1)}")
    return "\n".join(lines)


def patience():
    best, since, factor = (-1.0, 0.0), 0, 1.0
    lines = ["epoch   accuracy   loss   since the best   rate times"]
    accuracies = (0.61, 0.80, 0.80, 0.78, 0.84, 0.83, 0.84, 0.82, 0.81, 0.83)
    losses = (0.92, 0.61, 0.64, 0.60, 0.55, 0.54, 0.57, 0.60, 0.66, 0.71)
    for epoch, (score, loss) in enumerate(zip(accuracies, losses), 1):
        if (score, -loss) > best:
            best, since, note = (score, -loss), 0, "   the best yet"
        else:
            since, note = since + 1, "   as accurate, with more loss" if score == best[0] else ""
            if since % 2 == 0:
                factor, note = factor / 2, "   halved"
            if since == 5:
                note += "   the end: the weights of epoch 5 come back"
        lines.append(f"{epoch:>5}{show(score, 2, 11)}{show(loss, 2, 7)}{since:>17}{factor:>13g}{note}")
    return "\n".join(lines)


def triangular():
    period = 8
    lines = ["step     " + "".join(f"{step:>7}" for step in range(9))]
    height = lambda step: 1 - abs((step % period) / period - 0.5) / 0.5
    lines.append("factor   " + "".join(show(0.1 + 0.9 * height(step), 3, 7) for step in range(9)))
    lines.append("momentum " + "".join(show(0.95 - 0.1 * height(step), 3, 7) for step in range(9)))
    return "\n".join(lines)


def balanced():
    total = sum(COUNTS.values())
    lines = ["            examples   weight                 together"]
    for name, count in COUNTS.items():
        weight = total / (3 * count)
        lines.append(f"{name:<10}{count:>10}   {total}/(3·{count}){'' if count > 99 else ' '} = {show(weight, 3)}{show(weight * count, 1, 12)}")
    return "\n".join(lines)


LOGITS = [1.5, 1.25, -0.5, 1.0]
WORDS = ["dog", "cat", "bites", "the"]


def smoothing():
    p, right = softmax(LOGITS), 1
    q = [(1 - EPSILON) * (i == right) + EPSILON / 4 for i in range(4)]
    lines = ["          p        q     p − q     p − 1 or p"]
    for i, word in enumerate(WORDS):
        lines.append(f"{word:<6}{show(p[i], 4, 8)}{show(q[i], 4, 9)}{show(p[i] - q[i], 4, 10)}{show(p[i] - (i == right), 4, 11)}")
    loss = sum(share * surprise(LOGITS, i) for i, share in enumerate(q))
    lines.append(f"loss  {show(1 - EPSILON, 1)}·{show(surprise(LOGITS, right), 4)} + 0.025·({' + '.join(show(surprise(LOGITS, i), 4) for i in range(4))}) = {show(loss, 4)}")
    return "\n".join(lines)


def best_logit():
    """Where the gradient is 0, all other logits being 0."""
    lines = ["classes   the right class at best   its logit above the others'"]
    for classes in (2, 3, 100):
        q = 1 - EPSILON + EPSILON / classes
        other = EPSILON / classes
        lines.append(f"{classes:>7}{show(q, 3, 20)}{show(math.log(q / other), 2, 24)}")
    return "\n".join(lines)


# ---- classification -------------------------------------------------------------------------

SAID = {"bug": 0.9541, "question": 0.0263, "wish": 0.0197}  # what the chapter's model said


def classification():
    yield surprises()


def surprises():
    lines = ["right answer   loss                     d_x: bug   question     wish"]
    for right in ("bug", "wish"):
        d = [show(p - (name == right), 4) for name, p in SAID.items()]
        lines.append(f"{right:<15}−ln {SAID[right]:.4f} = {show(-math.log(SAID[right]), 4)}{d[0]:>14}{d[1]:>11}{d[2]:>9}")
    return "\n".join(lines)


# ---- tagging --------------------------------------------------------------------------------

TOKENS = 22  # of a sentence, for windows of 12 that share 3


def context(width, token):
    return min(token, width - 1 - token) + 0.01 * width


def cut(length, width, shared):
    """(start, end) of each window."""
    windows, start = [], 0
    while True:
        windows.append((start, min(start + width, length)))
        if start + width >= length:
            return windows
        start += width - shared


def judges(windows, token):
    """What each window that shows the token sees around it."""
    return [(number, context(end - start, token - start)) for number, (start, end) in enumerate(windows) if start <= token < end]


def tagging():
    yield word_windows()
    yield shared_words()


def word_windows():
    windows = cut(TOKENS, 10, 3)
    return "\n".join(f"window {n}   words {s:>2} to {e - 1:>2}" for n, (s, e) in enumerate(windows, 1))


def shared_words():
    windows = cut(TOKENS, 10, 3)
    lines = ["word   in window   left   right   min + 0.01 · length"]
    for token in (7, 8, 9):
        seen = judges(windows, token)
        best = max(seen, key=lambda found: found[1])
        for number, value in seen:
            start, end = windows[number]
            mark = "   judges" if number == best[0] else ""
            lines.append(f"{token:>4}{number + 1:>12}{token - start:>7}{end - 1 - token:>8}{show(value, 2, 22)}{mark}")
    return "\n".join(lines)


# ---- question answering ---------------------------------------------------------------------

CONTEXT = ["Ann", "Lee", "lives", "in", "New", "York", "."]
BEGIN = [0.5, 2.0, 0.1, -1.0, 0.3, 3.0, 1.0, -2.0]  # [CLS] first
END = [0.5, 0.2, 1.8, -1.5, -0.5, 1.2, 3.2, 0.0]


def question_answering():
    yield logits()
    yield spans()
    yield null_odds()
    yield stride()
    yield choices()


def logits():
    names = ["[CLS]"] + CONTEXT
    lines = ["       " + "".join(f"{name:>7}" for name in names)]
    lines.append("begin  " + "".join(show(x, 1, 7) for x in BEGIN))
    return "\n".join(lines + ["end    " + "".join(show(x, 1, 7) for x in END)])


def best_spans(count):
    spans = [(BEGIN[i] + END[j], i, j) for i in range(1, 8) for j in range(i, 8)]
    return sorted(spans, reverse=True)[:count]


def spans():
    found = best_spans(4)
    shares = softmax([score for score, _, _ in found])
    lines = ["answer                          score          share"]
    for (score, i, j), share in zip(found, shares):
        text = " ".join(CONTEXT[i - 1 : j])
        lines.append(f"{text:<27}{show(BEGIN[i], 1)} + {show(END[j], 1)} = {show(score, 1)}{show(share, 3, 11)}")
    return "\n".join(lines)


def null_odds():
    best, null = best_spans(1)[0][0], BEGIN[0] + END[0]
    return f"no answer {show(BEGIN[0], 1)} + {show(END[0], 1)} = {show(null, 1)}   null odds {show(null, 1)} − {show(best, 1)} = {show(null - best, 1)}"


def stride():
    room, shared, length = 384 - 3 - 12, 128, 700
    windows = cut(length, room, shared)
    lines = [f"room in a window   384 − 3 − 12 = {room}", f"step                {room} − {shared} = {room - shared}"]
    lines += [f"window {n}            tokens {s:>3} to {e - 1}" for n, (s, e) in enumerate(windows, 1)]
    return "\n".join(lines)


def choices():
    scores = [1.2, -0.4, 3.0]
    p = softmax(scores)
    return "\n".join([
        "scores   " + "".join(show(s, 1, 14) for s in scores),
        "softmax  " + "".join(show(s, 3, 14) for s in p),
        f"loss, if the third is right   −ln {show(p[2], 3)} = {show(-math.log(p[2]), 3)}",
    ])


if __name__ == "__main__":
    for chapter in (transfer_learning, classification, tagging, question_answering):
        print("\n\n".join(chapter()), end="\n\n")
