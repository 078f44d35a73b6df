"""Makes tests/fixtures/task_files/: how others read tags and write predictions.

    python tests/reference/make_task_files.py [--out DIR]

entities.txt: every sequence of one to three tags of two types with the letters B, I, E and S, and the entities that
    seqeval's get_entities finds in it (its default mode, which is conlleval's reading), as `start-end-type`, the end
    excluded
predictions.json, nbest_predictions.json, null_odds.json: as run_squad.py of google-research/bert writes them, which is
    json.dumps(..., indent=4) and a line break: texts of every kind, and numbers of every size
"""

import itertools
import json
import math
import random
import struct
from collections import OrderedDict

from common import clear_folder, fixtures_folder, write_text
from seqeval.metrics.sequence_labeling import get_entities

TAGS = ["O"] + [f"{letter}-{label}" for label in "XY" for letter in "BIES"]
TEXTS = [
    "", "308", "Kawann Short", "6½ sacks", "Zürich – Straße", "“quoted”", 'say "no"', "back\\slash / slash", "tab\tand\nline\r",
    "\x00\x01\x1f\x7f\x80\x9f\b\f", "日本語", "𝄞 and 👩‍👩‍👧", "\u2028\u2029\ufeff\uffff", "<a href='x'>&amp;</a>",
]


def entities():
    yield "# tags | entities by seqeval"
    for length in (1, 2, 3):
        for tags in itertools.product(TAGS, repeat=length):
            found = [f"{start}-{end + 1}-{label}" for label, start, end in get_entities(list(tags))]
            yield f"{' '.join(tags)} | {' '.join(found)}"


def numbers():
    yield from (0.0, -0.0, 1.0, -1.0, 0.1, 1 / 3, 1e-4, 9.999e-5, 1e-5, 1.5e-7, 123456789.0, 1e15, 9007199254740993.0, 1e16)
    yield from (1.25e17, 1e22, 1e23, 5e-324, 1.7976931348623157e308, 2.2250738585072014e-308, math.pi, 1e100, 1e-100)
    generator = random.Random(1412)
    for _ in range(60):
        # Logits are float32, turned into Python's floats.
        yield struct.unpack("f", struct.pack("f", generator.uniform(-12, 12)))[0]
    for _ in range(60):
        yield math.exp(generator.uniform(-60, 0))


def main():
    out = fixtures_folder() / "task_files"
    clear_folder(out)
    write_text(out / "entities.txt", "\n".join(entities()) + "\n")
    values = list(numbers())
    predictions, nbest, odds = OrderedDict(), OrderedDict(), OrderedDict()
    for number, text in enumerate(TEXTS):
        name = f"z{len(TEXTS) - number}" if number else 'a "name" ü'
        predictions[name] = text
        nbest[name] = []
        for place in range(number % 4):
            output = OrderedDict()
            output["text"] = TEXTS[(number + place) % len(TEXTS)]
            output["probability"] = values[(7 * number + place) % len(values)]
            output["start_logit"] = values[(11 * number + 3 * place) % len(values)]
            output["end_logit"] = values[(13 * number + 5 * place) % len(values)]
            nbest[name].append(output)
    for number, value in enumerate(values):
        odds[f"{number:x}"] = value
    for name, value in [("predictions", predictions), ("nbest_predictions", nbest), ("null_odds", odds)]:
        write_text(out / f"{name}.json", json.dumps(value, indent=4) + "\n")
    print(f"task_files: {sum(9**n for n in (1, 2, 3))} sequences of tags, {len(TEXTS)} texts, {len(values)} numbers")


if __name__ == "__main__":
    main()
