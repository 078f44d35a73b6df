"""Makes parity/NAME/gradients.safetensors and gradients-dropout.safetensors: what autograd computes in float64.

    python tests/reference/make_gradients.py [--out DIR]
    python tests/reference/make_gradients.py [--out DIR] --program BERT
    python tests/reference/make_gradients.py [--out DIR] --masks DIR
    python tests/reference/make_gradients.py --self-test

gradients.safetensors, beside every model with a head that is stored in f32:

    input_ids, token_type_ids, attention_mask   [B, S] int64, a padded batch of its own
    labels, next_sentence_label, start_positions, end_positions
                                                int64 (labels of regression and multi-label too), what the head has
    loss                                        [1] f32
    grad.NAME                                   f32, for every name of transformers' named_parameters()
    grad.hidden_states.l                        [B, S, H] f32, l = 0..L, zero where attention_mask hides

Labels are [B, S] for masked LM and token classification, [B] for sequences, [B, C] of 0 and 1 for multi-label, [Q] for
multiple choice: the B rows are Q questions, the choices of one question adjacent. Ignored: -100, and for question
answering a column at or past S (transformers clamps negative columns to 0, so those are not used). No token that counts
is the pad id: transformers zeroes the padding row's gradient, this project does not.

gradients-dropout.safetensors has the same batch with dropout on, the masks included (0 or 1/(1-p), f32):
dropout.embeddings [B, S, H], dropout.layer.N.attention.probabilities [B, heads, S, S],
dropout.layer.N.attention.output and dropout.layer.N.output [B, S, H], dropout.classifier ([B, H]; tokens [B, S, H]).
The masks are our program's: --program runs it, --masks reads what it wrote as DIR/NAME.safetensors; with neither, the
masks of the committed files are used again. --self-test draws masks here and writes nothing.
"""

import pathlib
import subprocess
import sys
import tempfile

import make_fixtures
from common import ROOT, fixtures_folder, load_model, write_tensors
from gradients import IGNORED, mask_names, reference_gradients, relative_errors, rounded, worst_error
from make_fixtures import row
import safetensors.torch
import torch

# Nine columns are all that the smallest models have positions for. Six rows are two questions of three choices.
ROWS = [row(9), row(1), row(7, hidden=(3, 4)), row(4), row(2), row(6)]
WITHOUT_HEAD = ("BertModel",)
WITH_DROPOUT = (
    "even-pretraining",
    "even-masked-lm",
    "even-classify",
    "even-tag",
    "even-choice",
    "odd-next-sentence",
    "odd-answer",
    "odd-classify-multi-label",
    "tiny-classify-regression",
)
DROPOUT_SEED = 7
COMMITTED = ROOT / "tests" / "fixtures"
# Ours in float32 is to come within 1e-4; plain float32 in PyTorch must leave room for another order of sums.
FLOAT32_LIMIT = 2e-5
# How many standard deviations the share of dropped values may be off: once in two million draws.
DEVIATIONS = 5


def cases():
    """(name, seed) of every parity model with a head; 16-bit ones repeat heads that others have."""
    for index, (name, _, class_name, _, options) in enumerate(make_fixtures.CASES):
        if class_name not in WITHOUT_HEAD and "dtype" not in options:
            yield name, 2000 + index


def token_labels(keep, classes, generator, share):
    """[B, S]: a class at about `share` of the kept places (at least one), ignored elsewhere."""
    labels = torch.randint(0, classes, keep.shape, generator=generator)
    chosen = keep & (torch.rand(keep.shape, generator=generator) < share)
    chosen[0, 1] = True
    return torch.where(chosen, labels, IGNORED)


def sequence_labels(count, classes, generator, ignored=2):
    """[B]: every class where there are enough rows, in seeded order; one row ignored."""
    labels = (torch.arange(count) % classes)[torch.randperm(count, generator=generator)]
    labels[ignored] = IGNORED
    return labels


def make_labels(model, batch, seed):
    generator = torch.Generator().manual_seed(seed)
    keep = batch["attention_mask"].bool()
    config, name = model.config, type(model).__name__
    count, columns = keep.shape
    if name == "BertForPreTraining":
        labels = token_labels(keep, config.vocab_size, generator, 0.4)
        return {"labels": labels, "next_sentence_label": sequence_labels(count, 2, generator)}
    if name == "BertForMaskedLM":
        return {"labels": token_labels(keep, config.vocab_size, generator, 0.4)}
    if name == "BertForTokenClassification":
        return {"labels": token_labels(keep, config.num_labels, generator, 0.7)}
    if name == "BertForNextSentencePrediction":
        return {"labels": sequence_labels(count, 2, generator)}
    if name == "BertForMultipleChoice":
        return {"labels": torch.tensor([2, 0])}
    if name == "BertForQuestionAnswering":
        # A span across the hole; a start past the batch with an end inside; both past the batch.
        starts, ends = [2, 0, 2, columns, columns, 1], [5, 0, 6, 3, columns + 3, 4]
        return {"start_positions": torch.tensor(starts), "end_positions": torch.tensor(ends)}
    if config.problem_type == "regression":
        return {"labels": torch.tensor([3, -1, 0, 2, 5, 1])}
    if config.problem_type == "multi_label_classification":
        return {"labels": torch.randint(0, 2, (count, config.num_labels), generator=generator)}
    return {"labels": sequence_labels(count, config.num_labels, generator)}


def make_batch(model, seed):
    """(inputs, labels) for one model; the ids are 5 or more, so never the pad id."""
    batch = make_fixtures.make_batch(ROWS, model.config, seed)
    return batch, make_labels(model, batch, seed + 500)


def model_folder(out, name):
    """The model in `out` where make_fixtures.py has just made it, else the committed one."""
    folder = out / "parity" / name
    return folder if (folder / "model.safetensors").is_file() else COMMITTED / "parity" / name


def gradients_of(folder, seed, masks=None, dtype=torch.float64):
    model, _ = load_model(folder, dtype)
    batch, labels = make_batch(model, seed)
    return batch | labels | reference_gradients(model, batch, labels, masks)


def make_plain(out):
    for name, seed in cases():
        folder = model_folder(out, name)
        expected = gradients_of(folder, seed)
        error, where = worst_error(gradients_of(folder, seed, dtype=torch.float32), expected)
        write_tensors(out / "parity" / name / "gradients.safetensors", rounded(expected))
        gradients = sum(key.startswith("grad.") for key in expected)
        print(f"{name:28} loss {expected['loss'].item():8.5f}, {gradients} gradients, float32 is off by {error:.1e} at {where}")
        assert error < FLOAT32_LIMIT, "this batch leaves float32 too little room"


def random_masks(model, batch):
    """Stand-ins for our program's masks, for --self-test."""
    generator = torch.Generator().manual_seed(DROPOUT_SEED)
    masks = {}
    for name, (shape, p) in mask_shapes(model, batch).items():
        masks[name] = (torch.rand(shape, generator=generator) >= p).float() / (1 - p)
    return masks


def mask_shapes(model, batch):
    """{name: (shape, p)} of every mask that the model takes."""
    config = model.config
    count, columns = batch["input_ids"].shape
    states = (count, columns, config.hidden_size)
    shapes = {}
    for name in mask_names(model):
        shapes[name] = (states, config.hidden_dropout_prob)
        if name.endswith("probabilities"):
            shape = (count, config.num_attention_heads, columns, columns)
            shapes[name] = (shape, config.attention_probs_dropout_prob)
        elif name == "dropout.classifier":
            rate = config.classifier_dropout
            shape = states if type(model).__name__ == "BertForTokenClassification" else (count, config.hidden_size)
            shapes[name] = (shape, config.hidden_dropout_prob if rate is None else rate)
    return shapes


def kept_values(name, mask, keep):
    """The values that act: those of kept places, for attention of kept queries and keys."""
    if name.endswith("probabilities"):
        pairs = keep[:, None, :, None] & keep[:, None, None, :]
        return mask[pairs.expand(mask.shape)]
    return mask[keep].flatten() if mask.dim() == 3 else mask.flatten()


def checked_masks(model, batch, found):
    """Our program's masks, when they are masks: right names and shapes, 0 or 1/(1-p), a believable share, all different."""
    keep = batch["attention_mask"].bool()
    shapes = mask_shapes(model, batch)
    names = {name for name in found if name.startswith("dropout.")}
    assert names == set(shapes), f"masks differ from the model's dropouts: {sorted(names ^ set(shapes))}"
    seen = []
    for name, (shape, p) in shapes.items():
        mask = found[name]
        assert mask.shape == shape and mask.dtype == torch.float32, (name, mask.shape, mask.dtype, shape)
        values = kept_values(name, mask, keep).double()
        dropped = values == 0
        assert torch.isclose(values[~dropped], torch.tensor(1 / (1 - p)).double(), rtol=1e-6, atol=0).all(), name
        share, spread = dropped.double().mean().item(), (p * (1 - p) / len(values)) ** 0.5
        assert abs(share - p) < DEVIATIONS * spread, f"{name}: {share:.3f} of {len(values)} values dropped, p is {p}"
        # The same generator in two places would repeat its pattern from the first value on.
        pattern = dropped.tolist()
        for other, earlier in seen:
            shared = min(len(pattern), len(earlier))
            assert pattern[:shared] != earlier[:shared], f"{name} repeats {other}"
        seen.append((name, pattern))
    # Values of hidden places act on nothing, but not-a-number times zero would.
    return {name: torch.nan_to_num(found[name]) for name in shapes}


def masks_of_program(program, folder, batch, labels):
    """What the program writes: masks, and its own loss and gradients."""
    with tempfile.TemporaryDirectory() as work:
        given, written = pathlib.Path(work) / "batch.safetensors", pathlib.Path(work) / "trace.safetensors"
        write_tensors(given, batch | labels)
        command = [program, "trace", "--model", folder, "--backward", "--dropout", "--seed", DROPOUT_SEED]
        command += ["--batch", given, "--output", written]
        subprocess.run([str(part) for part in command], check=True, stdin=subprocess.DEVNULL)
        return safetensors.torch.load_file(written)


def find_masks(source, name, model, folder, batch, labels):
    """The tensors that hold the masks of one model, or None where there are none yet."""
    kind, place = source
    if kind == "--self-test":
        return random_masks(model, batch)
    if kind == "--program":
        return masks_of_program(place, folder, batch, labels)
    if kind == "--masks":
        return safetensors.torch.load_file(pathlib.Path(place) / f"{name}.safetensors")
    committed = COMMITTED / "parity" / name / "gradients-dropout.safetensors"
    return safetensors.torch.load_file(committed) if committed.is_file() else None


def make_dropout(out, source):
    for name, seed in cases():
        if name not in WITH_DROPOUT:
            continue
        folder = model_folder(out, name)
        model, _ = load_model(folder)
        batch, labels = make_batch(model, seed)
        found = find_masks(source, name, model, folder, batch, labels)
        if found is None:
            print(f"{name:28} no masks: run with --program to make gradients-dropout.safetensors")
            continue
        masks = checked_masks(model, batch, found)
        expected = reference_gradients(model, batch, labels, masks)
        report = f"{name:28} loss {expected['loss'].item():8.5f} with {len(masks)} masks"
        if source[0] == "--self-test":
            expect_masks_to_matter(model, batch, labels, masks, expected)
        else:
            write_tensors(out / "parity" / name / "gradients-dropout.safetensors", batch | labels | masks | rounded(expected))
        if source[0] in ("--program", "--masks") and set(expected) <= set(found):
            error, where = worst_error(found, expected)
            report += f", the program is off by {error:.1e} at {where}"
        print(report)


def expect_masks_to_matter(model, batch, labels, masks, expected):
    """Each mask set to ones must change the gradients, else it is not where dropout is."""
    for name in masks:
        without = masks | {name: torch.ones_like(masks[name])}
        changed = reference_gradients(model, batch, labels, without)
        assert max(relative_errors(changed, expected).values()) > 1e-3, f"{name} has no effect"


def main(arguments):
    out = fixtures_folder(arguments)
    source = (None, None)
    for kind in ("--program", "--masks"):
        if kind in arguments:
            place = arguments.index(kind)
            if len(arguments) == place + 1:
                sys.exit(f"{kind} wants a path")
            source = (kind, arguments[place + 1])
    if "--self-test" in arguments:
        source = ("--self-test", None)
    else:
        make_plain(out)
    make_dropout(out, source)


if __name__ == "__main__":
    main(sys.argv[1:])
