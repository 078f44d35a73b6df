"""Makes tests/fixtures/tables/tables.json: CSV and TSV with all their quirks, as Python's csv module reads them.

    python tests/reference/make_tables.py [--out DIR]

    csv    cases {text, rows, lines}: rows by csv.reader without the blank ones; lines is where each begins (none if a
           CR alone stands between quotes: Python counts it as a line, we do not)
    tsv    cases {text, rows, rows_with_quoting}: rows by csv.reader with QUOTE_NONE; how many there would be with quoting

All rows of a case have as many cells. No text ends within quotes.
"""

import csv
import io
import json
import random

from common import fixtures_folder, write_text

SEED = 20260
WORDS = ["", "a", "dog", "é", "猫", "5", "two words", " x ", "it's", "-"]


def quoted(draw):
    """A field in quotes, with what only such a field can hold."""
    parts = [draw.choice([*WORDS, ",", "\n", "\r\n", "\r", '""', "\t"]) for _ in range(draw.randint(0, 4))]
    # Now and then something stands behind the closing quote.
    behind = draw.choice(["", "", "", "", 'b"', "x"])
    return '"' + "".join(parts) + '"' + behind


def plain(draw):
    """A field without quotes around it; a quote within it is an ordinary character."""
    word = draw.choice(WORDS)
    return word + draw.choice(["", "", '"', '"c"']) if word else word


def csv_case(draw):
    width = draw.randint(2, 4)
    text = ""
    for _ in range(draw.randint(1, 6)):
        fields = [draw.choice([plain, plain, quoted])(draw) for _ in range(width)]
        end = draw.choice(["\n", "\n", "\r\n", "\r"])
        text += ",".join(fields) + end + end * draw.choice([0, 0, 0, 1, 2])
    if draw.random() < 0.3:
        text = text.rstrip("\r\n")
    reader = csv.reader(io.StringIO(text, newline=""))
    rows, lines, line = [], [], 1
    for row in reader:
        if row:
            rows.append(row)
            lines.append(line)
        line = reader.line_num + 1
    if any("\r" in cell.replace("\r\n", "") for row in rows for cell in row):
        lines = None
    return {"text": text, "rows": rows, "lines": lines}


def tsv_case(draw):
    width = draw.randint(2, 4)
    rows = []
    for _ in range(draw.randint(2, 8)):
        rows.append([draw.choice(["", "", "", '"']) + draw.choice([*WORDS[1:], ",", 'b"', "''"]) for _ in range(width)])
    text = "".join("\t".join(row) + draw.choice(["\n", "\n", "\r\n"]) for row in rows)
    text += draw.choice(["", "", "\n\n"])
    read = lambda quoting: [row for row in csv.reader(io.StringIO(text, newline="\n"), delimiter="\t", quoting=quoting) if row]
    found = read(csv.QUOTE_NONE)
    assert found == rows
    return {"text": text, "rows": found, "rows_with_quoting": len(read(csv.QUOTE_MINIMAL))}


def main():
    draw = random.Random(SEED)
    cases = {"csv": [csv_case(draw) for _ in range(200)], "tsv": [tsv_case(draw) for _ in range(100)]}
    folder = fixtures_folder() / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "tables.json", json.dumps(cases, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
