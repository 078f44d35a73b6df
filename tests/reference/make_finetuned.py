"""Makes tests/fixtures/finetune/saved/: models that transformers fine-tuned and saved, and what they then answer.

    python tests/reference/make_finetuned.py [--out DIR]

classify, tag, answer and choose are each a directory as save_pretrained leaves it, model and tokenizer (transformers 5
writes tokenizer.json and no vocab.txt), of a small model with random weights after a few steps on the language of
toy_language.py. pipelines.json is what the toy models have beside them, in float64; see toy_pipelines.py. Of choose it has
the softmax over the endings of each question.
"""

import json
import random

from common import clear_folder, fixtures_folder, load_model, write_json
from make_toy import (
    NAMED_ENTITIES, POSITIONS, VOCABULARY, answer_batch, answer_loss, classify_batch, collate, Example,
    labels_loss, tag_batch, train,
)  # fmt: skip
import toy_language as language
import toy_pipelines
import torch
import transformers

SEED = 52
STEPS, BATCH, RATE = 120, 32, 5e-3
# What f32 cannot turn round: neighbours in a list of answers are this far apart, relative.
APART = 1e-5
ENDINGS = 3
BEGINNINGS = ["the dog bites", "the queen writes", "Tom lives in", "the sailor sails the"]
CHOICES = ["the man.", "the letter.", "london.", "ship in the sea", "is very good!", "Émma sees 漢"]


def choose_batch(rng, size):
    """Which ending is the opinion? The others tell something."""
    examples, right = [], [rng.randrange(ENDINGS) for _ in range(size)]
    for label in right:
        first = language.words_of(language.one_sentence(rng, language.random_subject(rng)))
        for place in range(ENDINGS):
            kind = rng.choice(["negative", "positive"]) if place == label else "neutral"
            examples.append(Example(first, language.words_of(language.opinion(rng, kind))))
    return collate(examples), torch.tensor(right)


def choose_loss(model, data):
    batch, right = data
    by_question = {name: rows.reshape(len(right), ENDINGS, -1) for name, rows in batch.items()}
    return model(**by_question, labels=right).loss


TASKS = {
    "classify": ("BertForSequenceClassification", list(language.OPINIONS), classify_batch, labels_loss),
    "tag": ("BertForTokenClassification", NAMED_ENTITIES, tag_batch, labels_loss),
    "answer": ("BertForQuestionAnswering", None, answer_batch, answer_loss),
    "choose": ("BertForMultipleChoice", None, choose_batch, choose_loss),
}


def fine_tune(folder, task, tokenizer):
    head, labels, make_batch, loss_of = TASKS[task]
    named = {} if labels is None else {"id2label": dict(enumerate(labels)), "label2id": {label: place for place, label in enumerate(labels)}}
    torch.manual_seed(SEED)
    config = transformers.BertConfig(
        vocab_size=len(VOCABULARY), hidden_size=24, num_hidden_layers=1, num_attention_heads=3, intermediate_size=48,
        max_position_embeddings=POSITIONS, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **named,
    )  # fmt: skip
    model = getattr(transformers, head)(config)
    curve = train(model.train(), make_batch, loss_of, STEPS, RATE, random.Random(SEED), BATCH, task)
    assert curve[-1] < curve[0], f"{task} learns nothing"
    clear_folder(folder)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for path in folder.iterdir():
        path.chmod(0o644)


def choose(model, tokenizer):
    cases = []
    for beginning in BEGINNINGS:
        encoded = tokenizer([beginning] * len(CHOICES), CHOICES, padding=True, return_tensors="pt")
        with torch.no_grad():
            logits = model(**{name: rows[None] for name, rows in encoded.items()}).logits[0]
        cases.append({"text": beginning, "endings": CHOICES, "results": logits.softmax(-1).tolist()})
    return {"task": "multiple-choice", "dtype": "float64", "transformers": transformers.__version__, "cases": toy_pipelines.plain(cases)}


def write_outputs(folder, task):
    """By what lies in the folder, read as a user would."""
    model, info = load_model(folder)
    assert not any(info.values()), info
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    if task == "choose":
        write_json(folder / "pipelines.json", choose(model, tokenizer))
    else:
        toy_pipelines.write_pipelines(folder, model, tokenizer)


def check_order(folder):
    """A case whose answers are too close to each other would judge nothing but rounding."""
    for case in json.loads((folder / "pipelines.json").read_text())["cases"]:
        for results in (case.get("results"), case.get("answers_apart")):
            scores = sorted((one["score"] if isinstance(one, dict) else one for one in results or []), reverse=True)
            close = [pair for pair in zip(scores, scores[1:]) if pair[0] != pair[1] and pair[0] - pair[1] < APART * pair[0]]
            assert not close, f"{folder.name}: {close}"


def main():
    tokenizer = transformers.BertTokenizer(
        vocab={token: place for place, token in enumerate(VOCABULARY)}, do_lower_case=True, model_max_length=POSITIONS
    )
    for task in TASKS:
        folder = fixtures_folder() / "finetune" / "saved" / task
        fine_tune(folder, task, tokenizer)
        write_outputs(folder, task)
        check_order(folder)


if __name__ == "__main__":
    main()
