"""The numbers of the chapter on tokens: a vocabulary of five words; worked_numbers.py prints and checks them.

Standard library only.
"""

from collections import Counter

WORDS = {"dog": 5, "dogs": 3, "do": 2, "bites": 4, "bite": 2}


def letters_of(word):
    return [word[0]] + ["##" + letter for letter in word[1:]]


def pairs_of(cut):
    counts = Counter()
    for word, pieces in cut.items():
        for pair in zip(pieces, pieces[1:]):
            counts[pair] += WORDS[word]
    return counts


def joined(pieces, pair, piece):
    result = []
    for p in pieces:
        if result and (result[-1], p) == pair:
            result[-1] = piece
        else:
            result.append(p)
    return result


def tokens():
    cut = {word: letters_of(word) for word in WORDS}
    first = sorted({pieces[0] for pieces in cut.values()} | {p[2:] for pieces in cut.values() for p in pieces[1:]})
    later = sorted({p for pieces in cut.values() for p in pieces[1:]})
    made = first + later
    yield f"{' '.join(first)}   {' '.join(later)}"
    counts = pairs_of(cut)
    rows = ["pair        occurs in             times"]
    for pair, count in sorted(counts.items(), key=lambda item: (-item[1], [made.index(p) for p in item[0]])):
        inside = [word for word, pieces in cut.items() if pair in zip(pieces, pieces[1:])]
        total = " + ".join(str(WORDS[word]) for word in inside)
        rows.append(f"{pair[0]:<4} {pair[1]:<7}{' '.join(inside):<22}{total}{f' = {count}' if len(inside) > 1 else ''}")
    yield "\n".join(rows)
    rows = ["pair          times   new piece   the words then"]
    while counts and max(counts.values()) >= 2:
        pair = min(counts, key=lambda p: (-counts[p], made.index(p[0]), made.index(p[1])))
        piece = pair[0] + pair[1].removeprefix("##")
        count = counts[pair]
        made.append(piece)
        cut = {word: joined(pieces, pair, piece) for word, pieces in cut.items()}
        changed = ", ".join(" ".join(pieces) for pieces in cut.values() if piece in pieces)
        rows.append(f"{pair[0]:<5}{pair[1]:<8}{count:>6}   {piece:<9}   {changed}")
        counts = pairs_of(cut)
    yield "\n".join(rows)
