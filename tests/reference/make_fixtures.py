"""Makes tests/fixtures/parity/NAME/: small Hugging Face model directories and what transformers computes with them.

    python tests/reference/make_fixtures.py [--out DIR]
    python tests/reference/make_fixtures.py --check-saved DIR REFERENCE.safetensors

The second form loads a directory that our program saved, runs the reference's batch through it in float64 and compares.
Weights are seeded, wide (std 0.25) and nowhere zero or one, so that a forgotten bias or a swapped tensor shows.
"""

import json
import pathlib
import sys

from common import (
    clear_folder,
    fixtures_folder,
    largest_difference,
    load_model,
    model_class,
    raw_outputs,
    reference_tensors,
    write_json,
    write_tensors,
    write_text,
    zero_hidden_places,
)
import safetensors.torch
import torch
import transformers

# Our outputs are float32, the reference is float64 rounded to float32; the project's bound for both.
TOLERANCE = 2e-5
WEIGHT_STD = 0.25
JITTER_STD = 0.2

EVEN = dict(
    vocab_size=97,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=64,
    max_position_embeddings=24,
    type_vocab_size=2,
)
ODD = dict(
    vocab_size=53,
    hidden_size=30,
    num_hidden_layers=3,
    num_attention_heads=5,
    intermediate_size=37,
    max_position_embeddings=19,
    type_vocab_size=3,
    layer_norm_eps=1e-5,
    hidden_act="gelu_new",
)
TINY = dict(
    vocab_size=31,
    hidden_size=12,
    num_hidden_layers=1,
    num_attention_heads=3,
    intermediate_size=20,
    max_position_embeddings=9,
    type_vocab_size=2,
)

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "etaoinshrdlcumwfgypbvkjxqz"  # by frequency, so that a small vocabulary spells most words
WORDS = (
    "the a dog cat man bites . , ? is in and he she it not who what where big small old new red house garden book "
    "reads sees eats bread likes her his to of on at with sings bird"
).split()


# Batches are lists of rows; a row is a mask: 1 is a token, 0 is hidden.
def row(length, hidden=()):
    return [0 if column in hidden else 1 for column in range(length)]


def full_rows(longest):
    """Ragged lengths from 1 to the model's last position; the first token hidden once; a hole once."""
    return [row(longest), row(1), row(longest - 5), row(7, hidden=(0,)), row(9, hidden=(3, 4)), row(2)]


SHORT_ROWS = [row(9), row(1), row(6, hidden=(0,)), row(4)]
CHOICE_ROWS = [row(9), row(5), row(7)]  # one question, three choices


def make_batch(rows, config, seed):
    """Random ids and mixed token types. Hidden places hold a real id: what they hold must not matter."""
    generator = torch.Generator().manual_seed(seed)
    width = max(len(mask) for mask in rows)
    shape = (len(rows), width)
    attention_mask = torch.tensor([mask + [0] * (width - len(mask)) for mask in rows], dtype=torch.int64)
    input_ids = torch.randint(5, config.vocab_size, shape, generator=generator)
    token_type_ids = torch.randint(0, config.type_vocab_size, shape, generator=generator)
    token_type_ids[0] = token_type_ids[0].sort().values  # the first row looks like a pair: zeros, then ones
    return {"input_ids": input_ids, "token_type_ids": token_type_ids, "attention_mask": attention_mask}


def randomize(model, seed):
    """Draws every parameter anew, in the order of named_parameters()."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float32)
            if name.endswith("LayerNorm.weight"):
                parameter.copy_(1 + JITTER_STD * noise)
            elif name.endswith("bias"):
                parameter.copy_(JITTER_STD * noise)
            else:
                parameter.copy_(WEIGHT_STD * noise)


def vocabulary(size):
    """Special tokens, then letters, ##letters and words in fixed shares: `size` different tokens."""
    spellable = min(26, (size - len(SPECIAL_TOKENS)) * 2 // 5)
    letters = [letter for letter in LETTERS[:spellable] if letter not in WORDS]
    pieces = ["##" + letter for letter in LETTERS[:spellable]]
    words = WORDS[: size - len(SPECIAL_TOKENS) - len(letters) - len(pieces)]
    tokens = SPECIAL_TOKENS + letters + pieces + words
    assert len(tokens) == len(set(tokens)) == size, (size, len(tokens))
    return tokens


def write_vocabulary(folder, config, cased=False):
    """vocab.txt and the tokenizer_config.json of the years before transformers 5."""
    write_text(folder / "vocab.txt", "".join(token + "\n" for token in vocabulary(config.vocab_size)))
    settings = {
        "cls_token": "[CLS]",
        "do_lower_case": not cased,
        "mask_token": "[MASK]",
        "model_max_length": config.max_position_embeddings,
        "pad_token": "[PAD]",
        "sep_token": "[SEP]",
        "strip_accents": None,
        "tokenize_chinese_chars": True,
        "tokenizer_class": "BertTokenizer",
        "unk_token": "[UNK]",
    }
    write_json(folder / "tokenizer_config.json", settings)


def write_transformers_5_tokenizer(folder, config):
    """What transformers 5 saves by itself: tokenizer.json and tokenizer_config.json, no vocab.txt."""
    ids = {token: index for index, token in enumerate(vocabulary(config.vocab_size))}
    tokenizer = transformers.BertTokenizer(vocab=ids, model_max_length=config.max_position_embeddings)
    tokenizer.save_pretrained(folder)
    assert (folder / "tokenizer.json").exists() and not (folder / "vocab.txt").exists()


def legacy_names(tensors, model):
    """The spelling of the first official files: gamma and beta, the position_ids buffer, the tied decoder in full."""
    renamed = {}
    for name, value in tensors.items():
        renamed[name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")] = value
    positions = model.config.max_position_embeddings
    renamed["bert.embeddings.position_ids"] = torch.arange(positions).reshape(1, positions)
    renamed["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"].clone()
    renamed["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"].clone()
    return renamed


def with_prefix(tensors, _model):
    return {"bert." + name: value for name, value in tensors.items()}


def names(*labels):
    return {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}


SENTIMENT = names("negative", "neutral", "positive")
TOPICS = names("food", "weather", "animals", "music") | {"problem_type": "multi_label_classification"}
SCORE = {"num_labels": 1, "problem_type": "regression"}
ENTITIES = names("O", "B-PER", "I-PER", "B-LOC", "I-LOC")

# name, architecture, class, what else the config says, options of make_case
CASES = [
    ("even-pretraining", EVEN, "BertForPreTraining", {}, {"rows": "full"}),
    ("even-base-prefixed", EVEN, "BertModel", {}, {"respell": with_prefix}),
    ("even-masked-lm", EVEN, "BertForMaskedLM", {}, {}),
    ("even-classify", EVEN, "BertForSequenceClassification", SENTIMENT, {}),
    ("even-tag", EVEN, "BertForTokenClassification", ENTITIES, {"tokenizer": "transformers 5"}),
    ("even-choice", EVEN, "BertForMultipleChoice", {}, {"rows": CHOICE_ROWS}),
    ("odd-base", ODD, "BertModel", {}, {"rows": "full"}),
    ("odd-masked-lm-legacy", ODD, "BertForMaskedLM", {}, {"respell": legacy_names}),
    ("odd-next-sentence", ODD, "BertForNextSentencePrediction", {}, {}),
    ("tiny-classify-two", TINY, "BertForSequenceClassification", {}, {}),
    ("odd-classify-multi-label", ODD, "BertForSequenceClassification", TOPICS, {}),
    ("tiny-classify-regression", TINY, "BertForSequenceClassification", SCORE, {}),
    ("odd-tag", ODD, "BertForTokenClassification", ENTITIES, {"cased": True}),
    ("odd-answer", ODD, "BertForQuestionAnswering", {}, {}),
    ("odd-masked-lm-f16", ODD, "BertForMaskedLM", {}, {"dtype": torch.float16}),
    ("odd-pretraining-bf16", ODD, "BertForPreTraining", {}, {"dtype": torch.bfloat16}),
]
ACTIVATIONS = ["gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "tanh", "linear", "silu", "swish"]
CASES += [(f"act-{act}", TINY, "BertForMaskedLM", {"hidden_act": act}, {"rows": [row(9), row(4)]}) for act in ACTIVATIONS]


def write_weights(folder, model, dtype, respell):
    """config.json and model.safetensors as transformers saves them, then respelled where the case asks for it."""
    model.to(dtype).save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)  # transformers makes it private
    if respell:
        path = folder / "model.safetensors"
        write_tensors(path, respell(safetensors.torch.load_file(path), model))


def make_case(
    folder, seed, architecture, class_name, extra, rows=SHORT_ROWS, tokenizer=None, cased=False, dtype=torch.float32, respell=None
):
    """One directory with its reference; returns (name, the largest float32-against-float64 difference, its tensor)."""
    clear_folder(folder)
    config = transformers.BertConfig(**(architecture | extra))
    model = model_class(class_name)(config)
    randomize(model, seed)
    write_weights(folder, model, dtype, respell)
    if tokenizer:
        write_transformers_5_tokenizer(folder, config)
    else:
        write_vocabulary(folder, config, cased)
    rows = full_rows(config.max_position_embeddings) if rows == "full" else rows
    batch = make_batch(rows, config, seed + 1000)
    reference = reference_of_folder(folder, batch)
    write_tensors(folder / "reference.safetensors", reference)
    single = outputs_in(torch.float32, folder, batch)
    return largest_difference(reference, single)


def reference_of_folder(folder, batch):
    """The reference comes from the written files, so that it is what their (rounded) weights give."""
    model, info = load_model(folder)
    wrong = {key: names for key, names in info.items() if names}
    # The old buffer is in the file on purpose; transformers ignores it in silence.
    assert not wrong, (folder, wrong)
    return reference_tensors(model, batch)


def outputs_in(dtype, folder, batch):
    """The same batch in another dtype: how far plain float32 is from the reference."""
    model, _ = load_model(folder, dtype)
    outputs = zero_hidden_places(model, raw_outputs(model, batch), batch["attention_mask"])
    return {name: value for name, value in outputs.items() if value.is_floating_point()}


def make_all(out):
    for index, (name, architecture, class_name, extra, options) in enumerate(CASES):
        folder = out / "parity" / name
        difference, tensor = make_case(folder, 100 + index, architecture, class_name, extra, **options)
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(f"{name:28} {size:8} bytes   float32 is off by {difference:.1e} at {tensor}")
        assert difference < TOLERANCE / 2, "these weights leave float32 too little room"


def check_saved(folder, reference_path):
    """Compares a directory that our program saved with the reference; True when every output agrees."""
    if not (folder / "config.json").is_file():
        sys.exit(f"{folder}: no config.json")
    expected = safetensors.torch.load_file(reference_path)
    model, info = load_model(folder)
    agreed = True
    for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if info.get(key):
            print(f"{folder}: {key}: {sorted(map(str, info[key]))}")
            agreed = False
    batch = {name: expected[name] for name in ("input_ids", "token_type_ids", "attention_mask")}
    found = reference_tensors(model, batch)
    for name in sorted((set(expected) | set(found)) - {"pooled_valid"}):
        agreed &= compare(name, expected.get(name), found.get(name))
    agreed &= check_tokenizer(folder)
    return agreed


def compare(name, expected, found):
    """Prints one line; a tensor that only one side has is a difference."""
    if expected is None or found is None:
        print(f"{name:20} only in {'the saved model' if expected is None else 'the reference'}  WRONG")
        return False
    if expected.shape != found.shape:
        print(f"{name:20} {tuple(found.shape)}, the reference has {tuple(expected.shape)}  WRONG")
        return False
    difference = (expected.double() - found.double()).abs().max().item() if expected.numel() else 0.0
    limit = TOLERANCE * max(1.0, expected.double().abs().max().item() if expected.numel() else 0.0)
    verdict = "ok" if difference <= limit else "WRONG"
    print(f"{name:20} largest difference {difference:.2e}, limit {limit:.2e}  {verdict}")
    return verdict == "ok"


def check_tokenizer(folder):
    """Where the directory has a vocabulary, transformers must be able to read it, at the config's size."""
    if not any((folder / name).exists() for name in ("vocab.txt", "tokenizer.json")):
        return True
    size = json.loads((folder / "config.json").read_text())["vocab_size"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    good = tokenizer.mask_token_id is not None and len(tokenizer) <= size
    print(f"{'tokenizer':20} {len(tokenizer)} tokens, the config allows {size}  {'ok' if good else 'WRONG'}")
    return good


if __name__ == "__main__":
    if "--check-saved" in sys.argv:
        place = sys.argv.index("--check-saved")
        if len(sys.argv) < place + 3:
            sys.exit("usage: make_fixtures.py --check-saved DIR REFERENCE.safetensors")
        sys.exit(0 if check_saved(pathlib.Path(sys.argv[place + 1]), pathlib.Path(sys.argv[place + 2])) else 1)
    make_all(fixtures_folder())
