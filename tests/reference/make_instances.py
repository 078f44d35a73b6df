"""Makes tests/fixtures/instances/: instances of pre-training by the published procedures, from our random numbers.

    python tests/reference/make_instances.py [--out DIR]

Written from the papers (Devlin et al., 2018; Liu et al., 2019) and from how create_pretraining_data.py of
google-research/bert behaves, over tokens as strings, with a generator that has the interface of Python's `random`:
random(), randint(low, high), shuffle(list). Only its numbers are those of bert_nn::random: SplitMix64 counted on from a
hashed name. What ours does differently from Google's is marked DEPARTURE.

instances.json
    vocabulary   tokens; the id is the place
    cases        name, settings, documents (sentences of ids), seed, pass; instances: of pairs one list for each document,
                 of full sentences one list
passes.json      from texts to whole passes, with the toy model's vocabulary (tokens by the `tokenizers` library)
    texts        documents of sentences
    runs         settings; passes: for each epoch its blocks, each a list of instances

An instance is [token_ids, token_types, masked_positions, masked_ids, is_random_next].
"""

import json
import random

from common import ROOT, fixtures_folder, write_text
import tokenizers

# ---- random numbers by name -------------------------------------------------------------------

WORD = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15


def splitmix64(counter):
    """The output that follows state counter·γ (Steele, Lea and Flood, 2014)."""
    z = (counter + 1) * GAMMA & WORD
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & WORD
    return z ^ (z >> 31)


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & WORD
    return value


class Draws:
    """A stream of random numbers for (seed, purpose, step, place), used as Python's random.Random is."""

    def __init__(self, seed, purpose, step, place):
        self.counter = splitmix64(seed)
        for part in (fnv1a(purpose), step, place):
            self.counter = splitmix64(self.counter ^ splitmix64(part))

    def bits(self):
        found = splitmix64(self.counter)
        self.counter = (self.counter + 1) & WORD
        return found

    def random(self):
        return (self.bits() >> 11) / 2.0**53

    def randint(self, low, high):
        """From low to high, both included."""
        return low + (self.bits() * (high - low + 1) >> 64)

    def shuffle(self, items):
        for i in reversed(range(1, len(items))):
            j = self.randint(0, i)
            items[i], items[j] = items[j], items[i]


# ---- the procedure ----------------------------------------------------------------------------

PAIRS = {
    "form": "pairs",
    "max_length": 24,
    "short": 0.1,
    "rate": 0.15,
    "max_predictions": 20,
    "whole_words": False,
    "mask": 0.8,
    "random": 0.1,
}
FULL = PAIRS | {"form": "full_sentences"}


def replacement(token, vocabulary, settings, rng):
    if rng.random() < settings["mask"]:
        return "[MASK]"
    # Of the rest, this share keeps its word: a half for 80/10/10.
    keep = (1 - settings["mask"] - settings["random"]) / (1 - settings["mask"])
    if rng.random() < keep:
        return token
    return vocabulary[rng.randint(0, len(vocabulary) - 1)]


def mask_tokens(tokens, vocabulary, settings, rng):
    """(tokens shown, {place: what was there})."""
    groups = []
    for place, token in enumerate(tokens):
        # DEPARTURE: [MASK] and [PAD] in the text, which Google's tokenizer cannot make, are left alone too.
        if token in ("[CLS]", "[SEP]", "[MASK]", "[PAD]"):
            continue
        # DEPARTURE: only what stands directly before it is joined; Google joins across a [SEP].
        joins = settings["whole_words"] and token.startswith("##") and groups and groups[-1][-1] == place - 1
        if joins:
            groups[-1].append(place)
        else:
            groups.append([place])
    rng.shuffle(groups)
    wanted = min(settings["max_predictions"], max(1, int(round(len(tokens) * settings["rate"]))))
    shown, hidden = list(tokens), {}
    for group in groups:
        if len(hidden) >= wanted:
            break
        if len(hidden) + len(group) <= wanted:
            for place in group:
                hidden[place] = tokens[place]
                shown[place] = replacement(tokens[place], vocabulary, settings, rng)
    return shown, dict(sorted(hidden.items()))


def instance(tokens, types, is_random_next, vocabulary, settings, rng):
    assert len(tokens) == len(types) <= settings["max_length"]
    shown, hidden = mask_tokens(tokens, vocabulary, settings, rng)
    ids = {token: i for i, token in enumerate(vocabulary)}
    return [[ids[t] for t in shown], types, list(hidden), [ids[t] for t in hidden.values()], is_random_next]


def pairs_of_document(documents, index, vocabulary, settings, rng):
    document, found = documents[index], []
    room = settings["max_length"] - 3
    target = rng.randint(2, room) if rng.random() < settings["short"] else room
    i, chunk = 0, []
    while i < len(document):
        chunk.append(document[i])
        if i == len(document) - 1 or sum(map(len, chunk)) >= target:
            a_end = rng.randint(1, len(chunk) - 1) if len(chunk) > 1 else 1
            a = [token for sentence in chunk[:a_end] for token in sentence]
            is_random = len(chunk) == 1 or rng.random() < 0.5
            if is_random:
                b = []
                for _ in range(10):
                    other = rng.randint(0, len(documents) - 1)
                    if other != index:
                        break
                for sentence in documents[other][rng.randint(0, len(documents[other]) - 1):]:
                    b += sentence
                    if len(b) >= target - len(a):
                        break
                i -= len(chunk) - a_end  # unused sentences go back
            else:
                b = [token for sentence in chunk[a_end:] for token in sentence]
            while len(a) + len(b) > room:
                (a if len(a) > len(b) else b).pop(0 if rng.random() < 0.5 else -1)
            assert a and b
            tokens = ["[CLS]", *a, "[SEP]", *b, "[SEP]"]
            types = [0] * (len(a) + 2) + [1] * (len(b) + 1)
            found.append(instance(tokens, types, is_random, vocabulary, settings, rng))
            chunk = []
        i += 1
    return found


def full_sentences(documents, vocabulary, settings, rng):
    """RoBERTa's FULL-SENTENCES; a sentence longer than a sequence fills several."""
    room = settings["max_length"] - 2
    sequences, now = [], []
    for document in documents:
        for number, sentence in enumerate(document):
            for start in range(0, len(sentence), room):
                part = sentence[start:start + room]
                new_document = number == 0 and start == 0
                between = ["[SEP]"] if new_document and now else []
                if len(now + between + part) > room:
                    sequences.append(now)
                    now, between = [], []
                now = now + between + part
    if now:
        sequences.append(now)
    sequences = [["[CLS]", *tokens, "[SEP]"] for tokens in sequences]
    return [instance(tokens, [0] * len(tokens), None, vocabulary, settings, rng) for tokens in sequences]


# ---- cases: documents of invented tokens ------------------------------------------------------

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY += [f"w{i}" for i in range(25)] + [f"##p{i}" for i in range(15)]
WORDS, PIECES = VOCABULARY[5:30], VOCABULARY[30:]


def document(rng, sentences, longest, shortest=1, pieces=0.0, specials=False):
    """Sentences of words, each with further pieces by chance."""
    found = []
    for _ in range(sentences):
        length = rng.randint(shortest, longest)
        sentence = [rng.choice(WORDS)]
        while len(sentence) < length:
            sentence.append(rng.choice(PIECES if rng.random() < pieces else WORDS))
        if specials:
            sentence = [rng.choice(VOCABULARY[:5]) if rng.random() < 0.4 else token for token in sentence]
        found.append(sentence)
    return found


def cases():
    rng = random.Random(5)

    def some(documents, sentences, longest, **more):
        return [document(rng, rng.randint(1, sentences), longest, **more) for _ in range(documents)]

    yield "pairs", PAIRS, some(4, 12, 9)
    yield "128 tokens, Google's defaults", PAIRS | {"max_length": 128}, some(3, 40, 20)
    yield "all short", PAIRS | {"short": 1.0}, some(8, 10, 6)
    yield "short or not", PAIRS | {"short": 0.5}, some(8, 8, 6)
    yield "the shortest sequences", PAIRS | {"max_length": 5, "short": 0.5}, some(4, 4, 3)
    yield "single sentences", PAIRS, some(6, 1, 12)
    yield "sentences of one token", PAIRS | {"max_length": 10}, some(3, 20, 1)
    yield "sentences too long", PAIRS | {"max_length": 14}, some(3, 4, 40, shortest=20)
    yield "two documents, one short", PAIRS, [document(rng, 9, 9), document(rng, 1, 2)]
    yield "no other document", PAIRS, some(1, 12, 9)
    yield "whole words", PAIRS | {"whole_words": True, "rate": 0.3}, some(4, 10, 9, pieces=0.5)
    yield "whole words, cut", PAIRS | {"whole_words": True, "rate": 0.5, "max_length": 12}, some(4, 8, 20, pieces=0.7)
    yield "words over the budget", PAIRS | {"whole_words": True, "max_predictions": 2}, some(4, 10, 9, pieces=0.8)
    yield "pieces one by one", PAIRS | {"rate": 0.3}, some(3, 10, 9, pieces=0.5)
    yield "special tokens in the text", PAIRS | {"rate": 0.4}, some(4, 8, 9, specials=True)
    yield "nothing but special tokens", PAIRS, [[["[MASK]"], ["[PAD]", "[SEP]"]], [["[CLS]", "[MASK]"]]]
    yield "few predictions", PAIRS | {"rate": 0.5, "max_predictions": 3}, some(3, 10, 9)
    yield "every token", PAIRS | {"rate": 1.0, "max_predictions": 100}, some(3, 10, 9)
    yield "always [MASK]", PAIRS | {"rate": 0.5, "mask": 1.0, "random": 0.0}, some(3, 10, 9)
    yield "a half random", PAIRS | {"rate": 0.5, "mask": 0.25, "random": 0.5}, some(3, 10, 9)
    yield "full sentences", FULL, some(5, 8, 9)
    yield "full sentences, cut", FULL | {"max_length": 8}, some(4, 4, 20)
    yield "full sentences, whole words", FULL | {"whole_words": True, "rate": 0.3}, some(4, 8, 9, pieces=0.5)
    yield "full sentences that fit to the token", FULL | {"max_length": 9}, some(6, 5, 3, shortest=2)


def write_cases(folder):
    ids = {token: i for i, token in enumerate(VOCABULARY)}
    lines = []
    for number, (name, settings, documents) in enumerate(cases()):
        seed, passes = 12345 + number, number % 3
        if settings["form"] == "pairs":
            found = [
                pairs_of_document(documents, i, VOCABULARY, settings, Draws(seed, "pairs", passes, i))
                for i in range(len(documents))
            ]
        else:
            found = full_sentences(documents, VOCABULARY, settings, Draws(seed, "full sentences", passes, 0))
        in_ids = [[[ids[token] for token in sentence] for sentence in document] for document in documents]
        case = {"name": name, "settings": settings, "seed": seed, "pass": passes}
        lines.append(compact(case | {"documents": in_ids, "instances": found}))
    text = f'{{"vocabulary": {compact(VOCABULARY)},\n"cases": [\n' + ",\n".join(lines) + "\n]}\n"
    write_text(folder / "instances.json", text)


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# ---- whole passes over texts ------------------------------------------------------------------

# Words of the toy model's vocabulary, names that it spells in pieces, and two lines without any token.
TEXTS = [
    ["The dog bites the man.", "It barks.", "Then the man runs to the house.", "The dog sleeps."],
    ["A queen lives in the castle.", "She reads a book every morning."],
    ["Anna drinks tea.", "\u00ad", "Peter drinks milk in the kitchen.", "They like bread, cheese and soup."],
    ["\u200b\u00ad"],
    ["The sailor sails to Copenhagen with a ship."],
    ["The old farmer feeds a horse, a cow and nine sheep.", "He is tired today.", "Is he happy?", "No, he is not."],
    ["What does the baker sell?", "He sells cakes in Hamburg and in Johnson's village.", "A cake is lovely."],
]


def run_passes(tokens, sizes, vocabulary, settings, epochs):
    seed = settings["seed"]
    found = []
    for epoch in range(epochs):
        number = epoch % settings["dupe_factor"] if settings["dupe_factor"] else epoch
        order = list(range(len(tokens)))
        Draws(seed, "documents", number, 0).shuffle(order)
        # Neighbours in this order are read together: at least two documents, and at least so many bytes.
        blocks = [[]]
        for document in order:
            if len(blocks[-1]) >= 2 and sum(sizes[d] for d in blocks[-1]) >= settings["block_bytes"]:
                blocks.append([])
            blocks[-1].append(document)
        if len(blocks) > 1 and len(blocks[-1]) < 2:
            rest = blocks.pop()
            blocks[-1] += rest
        made = []
        for place, block in enumerate(blocks):
            block = [document for document in block if tokens[document]]
            texts = [tokens[document] for document in block]
            if settings["form"] == "pairs":
                instances = []
                for i, document in enumerate(block):
                    rng = Draws(seed, "pairs", number, document)
                    instances += pairs_of_document(texts, i, vocabulary, settings, rng)
            else:
                rng = Draws(seed, "full sentences", number, place)
                instances = full_sentences(texts, vocabulary, settings, rng)
            Draws(seed, "instances", epoch, place).shuffle(instances)
            made.append(instances)
        found.append(made)
    return found


def write_passes(folder):
    vocabulary = (ROOT / "tests/fixtures/toy/vocab.txt").read_text(encoding="utf-8").splitlines()
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordPiece({token: i for i, token in enumerate(vocabulary)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokens = [[tokenizer.encode(line, add_special_tokens=False).tokens for line in text] for text in TEXTS]
    tokens = [[sentence for sentence in text if sentence] for text in tokens]
    sizes = [sum(len(line.encode()) for line in text) for text in TEXTS]
    runs = [
        PAIRS | {"seed": 1, "dupe_factor": None, "block_bytes": 100},
        PAIRS | {"seed": 2, "dupe_factor": 2, "block_bytes": 1, "whole_words": True, "rate": 0.3},
        FULL | {"seed": 3, "dupe_factor": None, "block_bytes": 150},
        PAIRS | {"seed": 4, "dupe_factor": None, "block_bytes": 1 << 20},
    ]
    lines = []
    for settings in runs:
        passes = run_passes(tokens, sizes, vocabulary, settings, 3)
        lines.append(compact({"settings": settings, "passes": passes}))
    text = f'{{"texts": {json.dumps(TEXTS)},\n"runs": [\n' + ",\n".join(lines) + "\n]}\n"
    write_text(folder / "passes.json", text)


if __name__ == "__main__":
    folder = fixtures_folder() / "instances"
    write_cases(folder)
    write_passes(folder)
