"""Makes tests/fixtures/pretraining/: the loss curve of a hundred steps of pre-training, by PyTorch in float64.

    python tests/reference/make_pretraining.py [--out DIR] [--program BERT]

    corpus.txt                      a small invented text, one sentence per line, a blank line between documents
    instances.jsonl                 what `bert instances` makes of it; the program BERT makes it anew, else it stays as it is
    config.json, model.safetensors  a BertForPreTraining with random weights as transformers draws them
    losses.json                     run: the settings below; masked_lm and next_sentence: each step's loss, before the step

Each step takes the next BATCH instances of the file; after the last one comes the first. Dropout is off. The optimizer is
torch.optim.AdamW (decay on all but biases and LayerNorm), with clip_grad_norm_ and transformers' linear schedule with
warm-up: what `bert pretrain` has as `--optimizer adamw`. Decay and rate are higher than usual, so that a hundred steps tell
right from wrong.
"""

import json
import pathlib
import random
import shutil
import subprocess
import sys

from common import ROOT, fixtures_folder, load_model, versions, write_json, write_text
import torch
from torch.nn.functional import cross_entropy
import toy_language
import transformers

RUN = {
    "steps": 100,
    "batch": 16,
    "learning_rate": 5e-3,
    "warm_up": 10,
    "betas": [0.9, 0.999],
    "eps": 1e-8,
    "weight_decay": 0.1,
    "max_grad_norm": 1.0,
}
NO_DECAY = ("bias", "LayerNorm.weight")
DOCUMENTS, SENTENCES = 12, 6
MAX_LENGTH = 32
IGNORED = -100
# What ours is held to, relative. PyTorch's float32 must stay far inside.
LIMIT = 1e-3


def corpus():
    """Documents about one subject each."""
    rng = random.Random(21)
    documents = []
    for _ in range(DOCUMENTS):
        subject = toy_language.random_subject(rng)
        sentences = [toy_language.one_sentence(rng, subject)]
        sentences += [toy_language.follow_up(rng, subject) for _ in range(SENTENCES - 1)]
        documents.append("".join(" ".join(toy_language.words_of(sentence)) + " .\n" for sentence in sentences))
    return "\n".join(documents)


def make_instances(folder, program):
    """By our program; without one, the committed file."""
    path = folder / "instances.jsonl"
    if program:
        toy = ROOT / "tests" / "fixtures" / "toy"
        given = ["--corpus", folder / "corpus.txt", "--model", toy, "--max-length", str(MAX_LENGTH)]
        subprocess.run([program, "instances", *given, "--dupe-factor", "4", "--output", path], check=True)
    elif not path.exists():
        shutil.copy(ROOT / "tests" / "fixtures" / "pretraining" / path.name, path)
    return [json.loads(line) for line in path.read_text().splitlines()]


def make_model(folder):
    vocabulary = (ROOT / "tests" / "fixtures" / "toy" / "vocab.txt").read_text().splitlines()
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=MAX_LENGTH,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    torch.manual_seed(21)
    model = transformers.BertForPreTraining(config)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)


def padded(rows, filler):
    tensors = [torch.tensor(row) for row in rows]
    return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=filler)


def make_batch(instances):
    """(inputs, labels of tokens, labels of pairs) in transformers' form."""
    labels = []
    for instance in instances:
        row = [IGNORED] * len(instance["token_ids"])
        for place, token in zip(instance["masked_positions"], instance["masked_ids"]):
            row[place] = token
        labels.append(row)
    ids = padded([instance["token_ids"] for instance in instances], 0)
    lengths = torch.tensor([len(instance["token_ids"]) for instance in instances])
    inputs = {
        "input_ids": ids,
        "token_type_ids": padded([instance["token_types"] for instance in instances], 0),
        "attention_mask": (torch.arange(ids.shape[1]) < lengths[:, None]).long(),
    }
    return inputs, padded(labels, IGNORED), torch.tensor([int(instance["is_random_next"]) for instance in instances])


def optimizer_of(model):
    decays = lambda name: not name.endswith(NO_DECAY)  # noqa: E731
    parameters = list(model.named_parameters())
    groups = [
        {"params": [value for name, value in parameters if decays(name)], "weight_decay": RUN["weight_decay"]},
        {"params": [value for name, value in parameters if not decays(name)], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=RUN["learning_rate"], betas=RUN["betas"], eps=RUN["eps"])


def train(folder, instances, dtype):
    """The losses of each step, [steps] each, and in how many steps the gradient was clipped."""
    model, _ = load_model(folder, dtype)
    # One place shows [PAD] as its random word. transformers would keep that lookup from training the row; Google and ours
    # do not.
    model.bert.embeddings.word_embeddings.padding_idx = None
    optimizer = optimizer_of(model)
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, RUN["warm_up"], RUN["steps"])
    losses, clipped = {"masked_lm": [], "next_sentence": []}, 0
    for step in range(RUN["steps"]):
        first = step * RUN["batch"]
        chosen = [instances[number % len(instances)] for number in range(first, first + RUN["batch"])]
        inputs, labels, pairs = make_batch(chosen)
        outputs = model(**inputs, labels=labels, next_sentence_label=pairs)
        with torch.no_grad():
            words = outputs.prediction_logits.flatten(0, 1)
            losses["masked_lm"].append(cross_entropy(words, labels.flatten(), ignore_index=IGNORED).item())
            losses["next_sentence"].append(cross_entropy(outputs.seq_relationship_logits, pairs).item())
        both = losses["masked_lm"][-1] + losses["next_sentence"][-1]
        assert abs(both - outputs.loss.item()) < 1e-5, "transformers' loss is the sum of both"
        optimizer.zero_grad()
        outputs.loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), RUN["max_grad_norm"])
        clipped += int(norm > RUN["max_grad_norm"])
        optimizer.step()
        schedule.step()
    return losses, clipped


def main():
    folder = fixtures_folder() / "pretraining"
    arguments = sys.argv[1:]
    program = pathlib.Path(arguments[arguments.index("--program") + 1]).resolve() if "--program" in arguments else None
    write_text(folder / "corpus.txt", corpus())
    instances = make_instances(folder, program)
    make_model(folder)
    losses, clipped = train(folder, instances, torch.float64)
    single, _ = train(folder, instances, torch.float32)
    print(f"{len(instances)} instances; clipped in {clipped} of {RUN['steps']} steps")
    for name, values in losses.items():
        off = max(abs(found - value) / value for found, value in zip(single[name], values))
        print(f"{name}: {' '.join(f'{value:.3f}' for value in values[::9])}; float32 is off by {off:.1e}")
        assert off < LIMIT / 10, "float32 cannot follow this run"
        assert sum(values[-10:]) / 10 < 0.8 * sum(values[:10]) / 10, "this run learns nothing"
    for path in folder.iterdir():
        path.chmod(0o644)
    assert any(0 in instance["token_ids"] for instance in instances), "no place shows [PAD]"
    assert len(instances) % RUN["batch"], "a batch must go over the end of the file"
    assert 5 < clipped < RUN["steps"] - 5, "clipping must bite in some steps and not in others"
    write_json(folder / "losses.json", {"run": RUN, "versions": versions(), **losses})


if __name__ == "__main__":
    main()
