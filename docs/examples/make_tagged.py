#!/usr/bin/env python3
"""Writes names.conll, names_test.conll, questions.jsonl and questions_test.jsonl: invented sentences about invented
people, for the chapters on tagging and on questions. Standard library only.

    python3 docs/examples/make_tagged.py

Of people and towns, some occur in the test files only.
"""

import json
import random
from pathlib import Path

FIRST = ["Ann", "Bob", "Clara", "David", "Emma", "Frank", "Grace", "Henry", "Iris", "Jack"]
LAST = ["Lee", "Carter", "Stone", "Miller", "Fisher", "Hill", "Baker", "Young"]
TOWNS = ["Rome", "New York", "Paris", "Old Harbour", "London", "San Marino", "Berlin", "Green Valley"]
FIRMS = ["Northern Steel", "Hill & Sons", "Blue Bakery", "City Rail"]
NEW = {"first": ["Kate", "Leo", "Mary", "Paul"], "last": ["Green", "Walker"], "town": ["Vienna", "Silver Lake"]}

SENTENCES = [
    "{person} met {person} in {town} .",
    "{person} works for {firm} , and {person} does not .",
    "the mayor of {town} wrote to {firm} .",
    "{firm} built a bridge in {town} last year .",
    "yesterday {person} left {town} for {town} .",
    "nobody knows why the train was late .",
    "{town} , {town} and {town} sent their mayors .",
    "he said that {person} had called twice .",
]
FACTS = [
    ("{person} lives in {town} .", "where does {person} live ?", "town"),
    ("{person} works for {firm} .", "who does {person} work for ?", "firm"),
    ("{person} was born in {town} in {year} .", "when was {person} born ?", "year"),
    ("{person} sold the house to {other} .", "who bought the house of {person} ?", "other"),
]


def person(chance, new):
    first = chance.choice(FIRST + NEW["first"] if new else FIRST)
    return f"{first} {chance.choice(LAST + NEW['last'] if new else LAST)}" if chance.random() < 0.6 else first


def town(chance, new):
    return chance.choice(TOWNS + NEW["town"] if new else TOWNS)


def tagged(chance, new):
    """The lines of one sentence, in IOB2."""
    lines = []
    for word in chance.choice(SENTENCES).split():
        kinds = {"{person}": ("PER", person(chance, new)), "{town}": ("LOC", town(chance, new)),
                 "{firm}": ("ORG", chance.choice(FIRMS))}
        if word not in kinds:
            lines.append(f"{word}\tO")
            continue
        kind, name = kinds[word]
        lines += [f"{part}\t{'B' if place == 0 else 'I'}-{kind}" for place, part in enumerate(name.split())]
    return "\n".join(lines) + "\n"


def questions(chance, new):
    """A paragraph of three facts, a question to one of them, and one that it does not answer."""
    facts = chance.sample(FACTS, 3)
    people = [f"{chance.choice(FIRST + (NEW['first'] if new else []))} {last}" for last in chance.sample(LAST, 4)]
    told = []
    for (fact, question, kind), name in zip(facts, people):
        words = {"person": name, "town": town(chance, new), "firm": chance.choice(FIRMS),
                 "year": str(chance.randint(1900, 1999)), "other": people[3]}
        told.append((fact.format(**words), question.format(**words), words[kind]))
    context = " ".join(sentence for sentence, _, _ in told)
    place = chance.randrange(3)
    sentence, question, answer = told[place]
    start = context.index(sentence) + sentence.rindex(answer)
    yield {"question": question, "context": context, "answers": [{"text": answer, "answer_start": start}]}
    if chance.random() < 0.4:
        unasked = next(question for _, question, _ in FACTS if all(question != q for _, q, _ in facts))
        yield {"question": unasked.format(person=people[0]), "context": context, "answers": []}


def main():
    here = Path(__file__).parent
    chance = random.Random(5)
    for name, count, new in (("names.conll", 200, False), ("names_test.conll", 60, True)):
        (here / name).write_text("\n".join(tagged(chance, new) for _ in range(count)), encoding="utf-8")
    for name, count, new in (("questions.jsonl", 220, False), ("questions_test.jsonl", 40, True)):
        rows = [row for _ in range(count) for row in questions(chance, new)]
        lines = [json.dumps({"id": f"q{number}", **row}) for number, row in enumerate(rows, 1)]
        (here / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
