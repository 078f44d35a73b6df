"""Makes tests/fixtures/vocab/: vocabularies that Hugging Face's trainer makes of small texts and of the shared speeches.

    python tests/reference/make_vocab.py [--out DIR]

invented.txt        sentences of the invented English, and lines in other scripts with accents, signs and rare letters
NAME.txt            a vocabulary, one token per line
vocab.json          for each NAME: the text (of this folder, or a path below the shared folder), cased, size,
                    min_frequency and limit_alphabet

The trainer numbers the letters behind ## in the order of a hash table, which differs from run to run; the numbers then
decide between pairs that occur equally often. (With its own numbers two runs over the speeches agree in the set of 5,000
tokens, but some 200 stand in other places; on small texts the sets differ, too.) So it is given the letters as special
tokens: the most frequent ones in Unicode's order, plain, then with ## those that continue a word. All else is its own.
Each vocabulary is made three times and must come out the same.
"""

import collections
import random

from common import clear_folder, fixtures_folder, shared_folder, versions, write_json, write_text
import toy_language
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

SEED = 1997
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
OTHER_LINES = """\
Zoë's café in Łódź serves crème brûlée, naïvely priced at 3,50 €; Zoë's brother sells cafés.
Der Bäcker bäckt größere Brötchen; die Bäckerin bäckt die größten. GRÖSSE zählt, größer zählt mehr.
Собака кусает человека, человек не кусает собаку; собаки лают, человеки молчат. Йод, йогурт, ёлка.
狗咬人，人不咬狗。狗叫，猫看着狗。犬が男を噛む。がっこうへ行く。
개가 사람을 문다. 사람이 개를 물지 않는다.
Ο σκύλος δαγκώνει τον άνθρωπο. ΟΔΟΣ, οδός. İstanbul'da ısırgan otu.
e-mail: a.b@c.org, C3PO & R2D2 #1 (50%) [MASK] ##ing ... "unaffable" -- 1,234.56 \U0001f600\U0001f600
"""
CASES = {
    "uncased": {"text": "invented.txt", "cased": False, "size": 400, "min_frequency": 2, "limit_alphabet": 1000},
    "cased": {"text": "invented.txt", "cased": True, "size": 400, "min_frequency": 2, "limit_alphabet": 1000},
    "few_letters": {"text": "invented.txt", "cased": False, "size": 200, "min_frequency": 2, "limit_alphabet": 22},
    "all_pairs": {"text": "invented.txt", "cased": True, "size": 5000, "min_frequency": 0, "limit_alphabet": 1000},
    "frequent": {"text": "invented.txt", "cased": False, "size": 5000, "min_frequency": 30, "limit_alphabet": 1000},
    "speeches": {
        "text": "data/state_union/addresses.txt",
        "cased": False,
        "size": 4000,
        "min_frequency": 2,
        "limit_alphabet": 1000,
    },
}


def invented():
    rng = random.Random(SEED)
    lines = []
    for number in range(300):
        subject = toy_language.random_subject(rng)
        words = toy_language.words_of(toy_language.one_sentence(rng, subject))
        sentence = " ".join(words).replace(" .", ".").replace(" ,", ",")
        lines.append(sentence.capitalize() if number % 2 else sentence)
        if number % 40 == 0:
            lines += OTHER_LINES.splitlines()
    return "\n".join(lines) + "\n"


def parts(cased):
    return normalizers.BertNormalizer(lowercase=not cased), pre_tokenizers.BertPreTokenizer()


def letters(path, case):
    """The alphabet in our order, and what of it continues a word."""
    normalizer, splitter = parts(case["cased"])
    counts, later = collections.Counter(), set()
    for line in path.read_text(encoding="utf-8").split("\n"):
        for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(line)):
            assert len(word) <= 100
            counts.update(word)
            later.update(word[1:])
    limit = case["limit_alphabet"]
    ranked = sorted(counts, key=lambda letter: -counts[letter])
    # Which of equally frequent letters stay is left to chance by the trainer: no such letters at the limit.
    assert len(ranked) <= limit or counts[ranked[limit - 1]] > counts[ranked[limit]], "another limit, please"
    alphabet = sorted(ranked[:limit])
    return alphabet + [f"##{letter}" for letter in alphabet if letter in later]


def vocabulary(path, case, first):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = parts(case["cased"])
    trainer = trainers.WordPieceTrainer(
        vocab_size=case["size"],
        min_frequency=case["min_frequency"],
        limit_alphabet=case["limit_alphabet"],
        special_tokens=first,
        show_progress=False,
    )
    tokenizer.train([str(path)], trainer)
    ids = tokenizer.get_vocab()
    tokens = sorted(ids, key=ids.get)
    assert list(map(ids.get, tokens)) == list(range(len(tokens)))
    return tokens


def main():
    folder = fixtures_folder() / "vocab"
    clear_folder(folder)
    write_text(folder / "invented.txt", invented())
    for name, case in CASES.items():
        path = folder / case["text"]
        if not path.exists():
            path = shared_folder() / case["text"]
        first = SPECIAL + letters(path, case)
        tokens = vocabulary(path, case, first)
        assert all(vocabulary(path, case, first) == tokens for _ in range(2)), name
        write_text(folder / f"{name}.txt", "\n".join(tokens) + "\n")
        print(f"{name}: {len(first)} special tokens and letters, {len(tokens)} tokens")
    write_json(folder / "vocab.json", {"versions": versions(), "cases": CASES})


if __name__ == "__main__":
    main()
