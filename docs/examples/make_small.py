#!/usr/bin/env python3
"""Writes pairs.csv, animals.csv, counts.csv and pronouns.jsonl into the current folder: small tasks in the words of tiny
world, for the chapters on classification and on questions. Standard library only.

    python3 docs/examples/make_small.py
"""

import csv
import json
import random

BEASTS = ["dog", "cat", "wolf", "mouse"]
PEOPLE = ["man", "woman", "boy", "girl"]
VERBS = ["bites", "chases", "fears", "hears", "likes"]
MOVES = ["sleeps", "runs", "jumps"]
WHO = {"she": ["girl", "woman", "queen", "princess"], "he": ["boy", "man", "king", "knight"], "it": ["dog", "cat", "wolf", "owl"]}
ALONE = ["sleeps", "runs", "walks", "waits", "laughs", "dances"]


def write(name, rows):
    with open(name, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def sentences(chance):
    """Each with the beasts in it."""
    rows = set()
    while len(rows) < 150:
        first, second = chance.choice(BEASTS + PEOPLE), chance.choice(BEASTS + PEOPLE)
        if first != second:
            text = f"the {first} {chance.choice(VERBS)} the {second} {chance.choice(['today ', 'again ', ''])}."
            rows.add((text, ",".join(word for word in sorted([first, second]) if word in BEASTS)))
    rows = sorted(rows)
    chance.shuffle(rows)
    return rows


def pairs(chance):
    for number in range(240):
        first = chance.choice(BEASTS)
        second = first if number % 2 else chance.choice([word for word in BEASTS if word != first])
        texts = [f"the {word} {chance.choice(MOVES)} ." for word in (first, second)]
        yield (*texts, "same" if first == second else "other")


def pronoun(chance, number):
    right = chance.choice(list(WHO))
    choices = [f"{word} {chance.choice(ALONE)} ." for word in WHO]
    chance.shuffle(choices)
    return {
        "id": f"c{number}",
        "context": f"the {chance.choice(WHO[right])} {chance.choice(ALONE)} .",
        "choices": choices,
        "label": [choice.split()[0] for choice in choices].index(right),
    }


def main():
    chance = random.Random(3)
    rows = sentences(chance)
    write("animals.csv", [("text", "labels"), *rows])
    write("counts.csv", [("text", "score"), *((text, len(labels.split(",")) if labels else 0) for text, labels in rows)])
    write("pairs.csv", [("sentence1", "sentence2", "label"), *pairs(chance)])
    chance = random.Random(2)
    with open("pronouns.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(pronoun(chance, number)) + "\n" for number in range(1, 201))


if __name__ == "__main__":
    main()
