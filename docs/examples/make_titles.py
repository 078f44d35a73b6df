#!/usr/bin/env python3
"""Writes titles.csv and titles_test.csv: invented titles of a bug tracker, of three kinds. Standard library only.

    python3 docs/examples/make_titles.py

Every title is a pattern with words filled in; none is real. Bugs are the commonest, as in life. And as in life some
titles say too little: "the map on a phone" may be a bug or a question, so nobody can be right about all of them.
"""

import csv
import random
from pathlib import Path

THINGS = ["the editor", "the search", "the export", "the preview", "the login page", "the calendar", "the sync",
          "the printer dialog", "the spell checker", "the upload", "the map", "the inbox"]
EVENTS = ["saving a file", "opening two windows", "an update", "pressing enter", "a long pause", "changing the language",
          "a restart", "pasting an image"]
PLACES = ["on Windows", "on Linux", "on a phone", "in dark mode", "in version 2.1", "without a network"]
NICE = ["dark mode", "keyboard shortcuts", "a French translation", "an undo button", "tabs", "a print view",
        "a progress bar", "drag and drop"]

PATTERNS = {
    "bug": [
        "{thing} crashes after {event}", "{thing} hangs {place}", "{Thing} shows a blank page {place}",
        "error message after {event}", "{thing} loses data after {event}", "wrong totals in {thing}",
        "{thing}: text is cut off {place}", "{Thing} no longer works after {event}", "memory leak in {thing}",
        "cannot close {thing} {place}", "{thing} {place}", "{nice} in {thing}",
    ],
    "question": [
        "how do I use {thing} {place}?", "where are the settings of {thing}?", "can I turn off {thing}?",
        "what does {thing} do after {event}?", "why is {thing} slow {place}?", "is {thing} free?",
        "{thing} {place}",
    ],
    "wish": [
        "please add {nice} to {thing}", "it would be great to have {nice}", "support {nice} {place}",
        "{nice} for {thing}", "{Thing} should have {nice}",
        "{nice} in {thing}",
    ],
}
COUNTS = {"bug": 200, "question": 120, "wish": 80}
TEST = 100


def title(kind, chance):
    thing = chance.choice(THINGS)
    words = {
        "thing": thing, "Thing": thing.capitalize(), "event": chance.choice(EVENTS),
        "place": chance.choice(PLACES), "nice": chance.choice(NICE),
    }
    return chance.choice(PATTERNS[kind]).format(**words)


def write(name, rows):
    with open(Path(__file__).with_name(name), "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["title", "label"])
        writer.writerows(rows)


def main():
    chance = random.Random(12)
    rows, seen = [], set()
    for kind, count in COUNTS.items():
        while count:
            if (found := title(kind, chance)) not in seen:
                rows.append((found, kind))
                seen.add(found)
                count -= 1
    chance.shuffle(rows)
    write("titles.csv", rows[TEST:])
    write("titles_test.csv", rows[:TEST])


if __name__ == "__main__":
    main()
