"""The numbers of the chapters on masking and on next sentence; worked_numbers.py prints and checks them.

Standard library only. The random numbers are given, so that a reader can follow every choice.
"""


def show(x, places, width=0):
    return f"{x:.{places}f}".replace("-", "−").rjust(width)


def below(uniform, end):
    """The whole number from 0 to `end`, `end` excluded, that a uniform number chooses."""
    return int(uniform * end)


# ---- the chapter on masking -------------------------------------------------------------------

TOKENS = "[CLS] the dog is una ##ffa ##ble . [SEP] it barks at every man . [SEP]".split()
VOCABULARY = "apple bird cake dog eats fish".split()


def masking():
    yield counts()
    order = shuffled(candidates(whole=False), [0.46, 0.75, 0.93, 0.31, 0.12, 0.66, 0.85, 0.27, 0.54, 0.05, 0.71, 0.38])
    yield "shuffled: " + " ".join(str(group[0]) for group in order)
    yield hide(order, 2, [0.42, 0.91, 0.73, 0.58])
    yield expected()
    yield whole_words()
    yield chi_squared()


def counts():
    rows = ["tokens   15 %    to be guessed"]
    for length in (5, 16, 30, 50, 128, 512):
        wanted = min(20, max(1, round(0.15 * length)))
        rows.append(f"{length:>6}{show(0.15 * length, 2, 7)}{wanted:>17}")
    return "\n".join(rows)


def candidates(whole):
    groups = []
    for place, token in enumerate(TOKENS):
        if token in ("[CLS]", "[SEP]"):
            continue
        if whole and token.startswith("##"):
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def shuffled(items, draws):
    items = list(items)
    for last, uniform in zip(reversed(range(1, len(items))), draws):
        other = below(uniform, last + 1)
        items[last], items[other] = items[other], items[last]
    return items


def hide(order, wanted, draws):
    draws, rows = iter(draws), ["place  was    drawn          shows"]
    for group in order[:wanted]:
        was, drawn = TOKENS[group[0]], [next(draws)]
        if drawn[0] < 0.8:
            shows = "[MASK]"
        else:
            drawn.append(next(draws))
            if drawn[1] < 0.5:
                shows = was
            else:
                drawn.append(next(draws))
                shows = VOCABULARY[below(drawn[2], len(VOCABULARY))]
        text = " ".join(show(x, 2) for x in drawn)
        rows.append(f"{group[0]:>5}  {was:<7}{text:<15}{shows}")
    return "\n".join(rows)


def expected():
    rows = []
    for what, share in [("[MASK]", 0.8), ("another word", 0.1), ("its own word", 0.1)]:
        rows.append(f"{what:<14}{show(share * 19, 1, 6)} of 19   {show(100 * share * 0.15, 1, 5)} % of all")
    return "\n".join(rows)


def whole_words():
    groups = candidates(whole=True)
    lines = [" ".join(TOKENS[place] for place in group) for group in groups]
    return " | ".join(lines) + f"\n{len(groups)} candidates, one of {max(map(len, groups))} pieces"


def chi_squared():
    found, shares = [15301, 1853, 1846], [0.8, 0.1, 0.1]
    total, statistic, rows = sum(found), 0.0, ["            found  expected  (found − expected)² / expected"]
    for what, count, share in zip(["[MASK]", "another", "its own"], found, shares):
        term = (count - share * total) ** 2 / (share * total)
        statistic += term
        rows.append(f"{what:<11}{count:>6}{show(share * total, 0, 10)}{show(term, 2, 10)}")
    rows.append(f"sum{show(statistic, 2, 34)}")
    return "\n".join(rows)


# ---- the chapter on next sentence -------------------------------------------------------------

DOCUMENT = ["the dog bites the man .", "he runs away .", "the dog sleeps .", "it rains ."]
OTHER = ["a king eats cake .", "a queen reads a book .", "they sing ."]
ROOM = 16 - 3


def next_sentence():
    sentences = [sentence.split() for sentence in DOCUMENT]
    yield "\n".join(f"{number}  {len(sentence)}  {' '.join(sentence)}" for number, sentence in enumerate(sentences))
    yield first_pair(sentences)
    yield cut(sentences[0] + sentences[1], OTHER[1].split(), [0.20, 0.80, 0.60])
    yield second_pair(sentences)
    yield shares()


def chunk(sentences, start):
    length = 0
    for end in range(start, len(sentences)):
        length += len(sentences[end])
        if length >= ROOM:
            break
    return sentences[start:end + 1], length


def first_pair(sentences):
    found, length = chunk(sentences, 0)
    split = 1 + below(0.70, len(found) - 1)
    first = sum(found[:split], [])
    rows = [f"sentences 0 to {len(found) - 1}: {length} tokens, at least {ROOM}"]
    rows.append(f"0.70: the first text has {split} of {len(found)} sentences, {len(first)} tokens")
    rows.append("0.31: below 0.5, so the second text is random")
    rows.append(f"it should have {ROOM} − {len(first)} = {ROOM - len(first)} tokens")
    start = below(0.45, len(OTHER))
    rows.append(f"0.45: from sentence {start} of the other document: {OTHER[start]}")
    return "\n".join(rows)


def cut(first, second, draws):
    rows = []
    for uniform in draws:
        longer = first if len(first) > len(second) else second
        gone = longer.pop(0 if uniform < 0.5 else -1)
        side = "front" if uniform < 0.5 else "back"
        rows.append(f"{show(uniform, 2)}  {side:<6} {gone:<5} {len(first)} + {len(second)}")
    assert len(first) + len(second) == ROOM
    rows.append(" ".join(["[CLS]", *first, "[SEP]", *second, "[SEP]"]))
    return "\n".join(rows)


def second_pair(sentences):
    found, length = chunk(sentences, 2)
    rows = [f"sentences 2 and 3: {length} tokens, and the document ends"]
    rows.append("0.77: not below 0.5, so the second text is the next")
    rows.append(" ".join(["[CLS]", *found[0], "[SEP]", *found[1], "[SEP]"]))
    return "\n".join(rows)


def shares():
    rows = ["chunks of one   random next"]
    for share in (0.0, 0.1, 0.3, 1.0):
        rows.append(f"{show(100 * share, 0, 11)} %{show(100 * (share + (1 - share) / 2), 0, 12)} %")
    return "\n".join(rows)
