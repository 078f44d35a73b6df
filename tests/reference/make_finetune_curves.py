"""Makes tests/fixtures/finetune/curves/: loss curves of fifty steps of fine-tuning by PyTorch, in float64, float32 and bfloat16.

    python tests/reference/make_finetune_curves.py [--out DIR]

    TASK/config.json, TASK/model.safetensors   a small model with random weights, as transformers draws them
    TASK/steps.jsonl                           a line for each step: its examples
    curves.json                                runs.NAME: task, settings, and each step's loss before it as `float64`,
                                               `float32`, and `bfloat16` (torch.autocast, weights in float32)

TASK is classify (one of three classes), tag (a class for each word's first token, null elsewhere), answer (first and last
token of the answer, 0 and 0 where there is none) or choose (one of three endings). An example is {token_ids, token_types,
label}; of choose the first two are lists of lists. Words are numbers: the vocabulary has no letters. What is right follows
rules that fifty steps begin to see. No two steps are the same, and in each there are sequences of several lengths.

Every loss is transformers' own, of the padded batch, with two exceptions. For question answering transformers takes the
softmax over padding, so there the reference runs one sequence at a time and takes the means of all of them (answer_loss in
gradients.py). Class weights and label smoothing are PyTorch's CrossEntropyLoss(weight, label_smoothing) over transformers'
logits; a frozen parameter does not require a gradient.

Dropout is off. The optimizer is torch.optim.AdamW (decay on all but biases and LayerNorm), with clip_grad_norm_ and
transformers' linear schedule with warm-up.
"""

import json
import random

from common import clear_folder, fixtures_folder, load_model, versions, write_json, write_text
from gradients import IGNORED, answer_loss, by_question
import torch
import transformers

STEPS = 50
RUN = {
    "learning_rate": 5e-3,
    "warm_up": 5,
    "betas": [0.9, 0.999],
    "eps": 1e-8,
    "weight_decay": 0.05,
    "max_grad_norm": 1.0,
}
# The last loss of each must be less than this share of the first.
LEARNT = {"classify": 0.6, "tag": 0.5, "answer": 0.7, "choose": 0.7}
RUNS = {
    "classify": {"task": "classify"},
    "tag": {"task": "tag"},
    "answer": {"task": "answer"},
    "choose": {"task": "choose"},
    "classify-weighted": {"task": "classify", "class_weights": [0.5, 1.0, 2.5], "label_smoothing": 0.1},
    "tag-weighted": {"task": "tag", "class_weights": [0.25, 2.0, 1.0, 0.5, 1.5], "label_smoothing": 0.1},
    "classify-frozen": {"task": "classify", "frozen_layers": 1},
    "tag-frozen": {"task": "tag", "frozen_layers": 1},
}
SIZES = dict(
    vocab_size=64,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=64,
    max_position_embeddings=24,
    initializer_range=0.1,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
)
MODELS = {
    "classify": ("BertForSequenceClassification", 3),
    "tag": ("BertForTokenClassification", 5),
    "answer": ("BertForQuestionAnswering", 2),
    "choose": ("BertForMultipleChoice", 2),
}
CLS, SEP = 2, 3
# Words by what they mean to the rules; everything up to 63 that is none of them means nothing.
MARKS, FIRST_PARTS, MORE_PARTS, PIECES, ANSWERS = range(5, 8), range(8, 16), range(16, 24), range(24, 28), range(28, 34)
PLAIN = range(34, 64)


# ---- examples -------------------------------------------------------------------------------


def sequence(first, second=None):
    """[CLS] first [SEP], or [CLS] first [SEP] second [SEP]."""
    ids, types = [CLS, *first, SEP], [0] * (len(first) + 2)
    if second is not None:
        ids, types = ids + [*second, SEP], types + [1] * (len(second) + 1)
    return ids, types


def plain(rng, least, most):
    return [rng.choice(PLAIN) for _ in range(rng.randint(least, most))]


def classify(rng):
    """A text or a pair; the mark among its words is its class, and class 2 is rare."""
    words, label = plain(rng, 1, 12), rng.choice([0, 0, 0, 1, 1, 2])
    words.insert(rng.randint(0, len(words)), MARKS[label])
    ids, types = sequence(words, plain(rng, 1, 7) if rng.random() < 0.4 else None)
    return ids, types, label


def tag(rng):
    """O, or the first part of a name (of two kinds) and more of it; a word may have further pieces, which do not count."""
    ids, labels = [CLS], [None]
    for _ in range(rng.randint(1, 5)):
        kind = rng.choice([None, 0, 1])
        parts = [] if kind is None else [(rng.choice(FIRST_PARTS[4 * kind : 4 * kind + 4]), 1 + 2 * kind)]
        parts += [(rng.choice(MORE_PARTS), 2 + 2 * kind)] if parts and rng.random() < 0.5 else []
        for word, label in parts or [(rng.choice(PLAIN), 0)]:
            pieces = [rng.choice(PIECES)] if rng.random() < 0.3 else []
            ids += [word, *pieces]
            labels += [label] + [None] * len(pieces)
    return ids + [SEP], [0] * (len(ids) + 1), labels + [None]


def answer(rng):
    """The question is a mark; the answer, the words of the other colour that follow the same mark in the context."""
    mark = rng.choice(MARKS)
    context = plain(rng, 1, 5)
    found = rng.random() < 0.85
    words = [rng.choice(ANSWERS) for _ in range(rng.randint(1, 3))]
    if found:
        context += [mark, *words]
    context += plain(rng, 1, 6)
    ids, types = sequence([mark], context)
    # The mark stands in the question, and again before the answer.
    first = ids.index(mark, 2) + 1 if found else 0
    return ids, types, [first, first + len(words) - 1] if found else [0, 0]


def choose(rng):
    """The right one of three endings has the first mark in it, the others have another; one label in six is a guess."""
    right, beginning = rng.randrange(3), plain(rng, 1, 6)
    marks = [MARKS[0] if place == right else rng.choice(MARKS[1:]) for place in range(3)]
    endings = [sequence(beginning, plain(rng, 0, 4) + [mark] + plain(rng, 0, 4)) for mark in marks]
    label = rng.randrange(3) if rng.random() < 1 / 6 else right
    return [ids for ids, _ in endings], [types for _, types in endings], label


EXAMPLES = {"classify": classify, "tag": tag, "answer": answer, "choose": choose}


def make_steps(task):
    """The last step of each five is smaller than the others."""
    rng = random.Random(f"fine-tuning: {task}")
    fields = ("token_ids", "token_types", "label")
    sizes = [(6 if task == "choose" else 10) - 4 * (step % 5 == 4) for step in range(STEPS)]
    return [[dict(zip(fields, EXAMPLES[task](rng))) for _ in range(size)] for size in sizes]


# ---- batches --------------------------------------------------------------------------------


def padded(rows, filler):
    rows = [torch.tensor(row) for row in rows]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=filler)


def make_batch(task, examples):
    """(inputs [B, S], labels) under transformers' names. The sequences of a multiple choice are rows."""
    if task == "choose":
        rows = {name: sum((one[name] for one in examples), []) for name in ("token_ids", "token_types")}
    else:
        rows = {name: [one[name] for one in examples] for name in ("token_ids", "token_types")}
    ids = padded(rows["token_ids"], 0)
    lengths = torch.tensor([len(row) for row in rows["token_ids"]])
    assert len(set(lengths.tolist())) > 1, "a batch without padding"
    inputs = {
        "input_ids": ids,
        "token_type_ids": padded(rows["token_types"], 0),
        "attention_mask": (torch.arange(ids.shape[1]) < lengths[:, None]).long(),
    }
    labels = [one["label"] for one in examples]
    if task == "answer":
        start, end = torch.tensor(labels).T
        return inputs, {"start_positions": start, "end_positions": end}
    if task == "tag":
        return inputs, {"labels": padded([[IGNORED if tag is None else tag for tag in row] for row in labels], IGNORED)}
    return inputs, {"labels": torch.tensor(labels)}


# ---- training -------------------------------------------------------------------------------


def answers_alone(model, inputs, labels):
    """The mean over the batch of the loss of each sequence by itself."""
    runs, places = [], []
    for row, mask in enumerate(inputs["attention_mask"].bool()):
        runs.append(model(**{name: value[row : row + 1, mask] for name, value in inputs.items()}))
        places.append(mask.nonzero().flatten())
    return answer_loss(runs, places, labels)


def loss_of(model, run, inputs, labels):
    if run["task"] == "answer":
        return answers_alone(model, inputs, labels)
    inputs = by_question(model, inputs, labels)
    if "class_weights" not in run:
        return model(**inputs, **labels).loss
    logits = model(**inputs).logits
    weight = torch.tensor(run["class_weights"], dtype=logits.dtype)
    loss = torch.nn.CrossEntropyLoss(weight, ignore_index=IGNORED, label_smoothing=run["label_smoothing"])
    return loss(logits.reshape(-1, logits.shape[-1]), labels["labels"].flatten())


def freeze(model, layers):
    """The embeddings and the first layers."""
    for part in [model.bert.embeddings, *model.bert.encoder.layer[:layers]]:
        part.requires_grad_(False)


def optimizer_of(model):
    named = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
    decays = lambda name: not name.endswith(("bias", "LayerNorm.weight"))  # noqa: E731
    groups = [
        {"params": [value for name, value in named if decays(name)], "weight_decay": RUN["weight_decay"]},
        {"params": [value for name, value in named if not decays(name)], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=RUN["learning_rate"], betas=RUN["betas"], eps=RUN["eps"])


def train(folder, run, steps, dtype, autocast=False):
    """The losses, each before its step, and in how many steps the gradient was clipped. autocast: products in bfloat16."""
    model, _ = load_model(folder, dtype)
    if "frozen_layers" in run:
        freeze(model, run["frozen_layers"])
    optimizer = optimizer_of(model)
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, RUN["warm_up"], STEPS)
    losses, clipped = [], 0
    for examples in steps:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = loss_of(model, run, *make_batch(run["task"], examples))
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), RUN["max_grad_norm"])
        clipped += int(norm > RUN["max_grad_norm"])
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses, clipped


def make_model(folder, task):
    name, labels = MODELS[task]
    clear_folder(folder)
    torch.manual_seed(41)
    model = getattr(transformers, name)(transformers.BertConfig(**SIZES, num_labels=labels))
    model.save_pretrained(folder)
    for path in folder.iterdir():
        path.chmod(0o644)


def main():
    out = fixtures_folder() / "finetune" / "curves"
    steps = {}
    for task in MODELS:
        make_model(out / task, task)
        steps[task] = make_steps(task)
        write_text(out / task / "steps.jsonl", "".join(json.dumps(step) + "\n" for step in steps[task]))
    runs = {}
    for name, run in RUNS.items():
        task = run["task"]
        double, clipped = train(out / task, run, steps[task], torch.float64)
        single, _ = train(out / task, run, steps[task], torch.float32)
        half, _ = train(out / task, run, steps[task], torch.float32, autocast=True)
        runs[name] = run | RUN | {"steps": STEPS, "float64": double, "float32": single, "bfloat16": half}
        off = [max(abs(a - b) for a, b in zip(other, double)) for other in (single, half)]
        print(f"{name}: {' '.join(f'{loss:.3f}' for loss in double[::7])}; clipped {clipped}; float32 is off by {off[0]:.1e}, bfloat16 by {off[1]:.1e}")
        learnt = sum(double[-10:]) / sum(double[:10])
        assert learnt < LEARNT[task] or "-" in name, f"{name} learns nothing: {learnt:.2f}"
        assert 0 < clipped < STEPS, "clipping must bite in some steps and not in others"
    write_json(out / "curves.json", {"versions": versions(), "runs": runs})


if __name__ == "__main__":
    main()
