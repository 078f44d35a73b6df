"""Loss and gradients of a transformers model for one batch: what the scripts that make gradient fixtures share.

The loss is transformers' own, of the padded batch. One head departs: for question answering transformers takes the
softmax over the padded places too, so its loss changes with the padding. Ours is over the real tokens of each sequence,
so the reference runs one sequence at a time, without padding (a kept token keeps its column as its position), and
combines: (sum of start losses / number of valid starts + the same of the ends) / 2. For every other head that way of
computing must give the padded batch's gradients, and `reference_gradients` checks that it does.
"""

import contextlib
import unittest.mock

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

IGNORED = -100  # the label that cross-entropy leaves out
INPUTS = ("input_ids", "token_type_ids", "attention_mask")
# Float64 sums in another order; what differs by more is another computation.
SAME = 1e-11
# A tensor whose gradient is (nearly) zero by mathematics is measured against this share of all gradients' norm.
FLOOR = 1e-3


def wants_float_labels(model):
    return getattr(model.config, "problem_type", None) in ("regression", "multi_label_classification")


def labels_for(model, labels):
    """Fixtures store every label as int64; two losses of transformers want them as floats."""
    dtype = next(model.parameters()).dtype
    return {name: value.to(dtype) if wants_float_labels(model) else value for name, value in labels.items()}


def is_choice(model):
    return type(model).__name__ == "BertForMultipleChoice"


def is_answer(model):
    return type(model).__name__ == "BertForQuestionAnswering"


def by_question(model, batch, labels):
    """Multiple choice: transformers wants [questions, choices, S] where the fixtures have rows."""
    if not is_choice(model):
        return batch
    questions = len(labels["labels"])
    return {name: value.reshape(questions, -1, value.shape[-1]) for name, value in batch.items()}


def mask_names(model):
    """Our names of the dropout masks, in the order in which transformers' forward pass asks for them."""
    names = ["dropout.embeddings"]
    for layer in range(model.config.num_hidden_layers):
        names += [f"dropout.layer.{layer}.{place}" for place in ("attention.probabilities", "attention.output", "output")]
    return names + (["dropout.classifier"] if hasattr(model, "dropout") else [])


@contextlib.contextmanager
def given_dropout(model, masks):
    """Training mode in which every dropout of transformers multiplies by the next of our masks; without masks: eval.

    Modules and the eager attention both end in torch.nn.functional.dropout, so replacing that one function leaves the
    places where dropout happens to transformers.
    """
    if masks is None:
        yield model.eval()
        return
    waiting = [masks[name] for name in mask_names(model)]

    def dropout(values, p=0.5, training=True, inplace=False):
        assert training and not inplace and p > 0
        mask = waiting.pop(0)
        assert mask.shape == values.shape, (mask.shape, values.shape)
        return values * mask.to(values.dtype)

    with unittest.mock.patch("torch.nn.functional.dropout", dropout):
        yield model.train()
    model.eval()
    assert not waiting, f"{len(waiting)} masks were not asked for"


def forward(model, batch, labels, masks=None):
    """transformers' outputs, hidden states kept for their gradients."""
    inputs = by_question(model, batch, labels) if labels else batch
    with given_dropout(model, masks):
        outputs = model(**inputs, **labels_for(model, labels), output_hidden_states=True, return_dict=True)
    for states in outputs.hidden_states:
        states.retain_grad()
    return outputs


def parameter_gradients(model):
    """grad.NAME for every parameter, NAME as transformers lists it (the tied table once)."""
    return {f"grad.{name}": parameter.grad.clone() for name, parameter in model.named_parameters()}


def padded_gradients(model, batch, labels, masks=None):
    """transformers' own loss of the padded batch."""
    model.zero_grad()
    outputs = forward(model, batch, labels, masks)
    outputs.loss.backward()
    found = {"loss": outputs.loss.detach().reshape(1)} | parameter_gradients(model)
    hidden = ~batch["attention_mask"].bool()
    for index, states in enumerate(outputs.hidden_states):
        assert not states.grad[hidden].any(), "a hidden place has a gradient"
        found[f"grad.hidden_states.{index}"] = states.grad.clone()
    return found


def cut_masks(masks, row, kept):
    """The masks of one sequence's kept places, as a batch of one."""
    cut = {}
    for name, mask in (masks or {}).items():
        one = mask[row : row + 1]
        if name.endswith("probabilities"):
            one = one[:, :, kept][:, :, :, kept]  # [1, N, S, S]
        elif one.dim() == 3:
            one = one[:, kept]  # [1, S, H]
        cut[name] = one
    return cut or None


def alone_gradients(model, batch, labels, masks=None):
    """The same loss by our own formula, from one run for each sequence, without padding."""
    model.zero_grad()
    keep = batch["attention_mask"].bool()
    runs, places = [], []
    for row in range(len(keep)):
        kept = keep[row].nonzero().flatten()
        alone = {name: batch[name][row : row + 1, kept] for name in INPUTS} | {"position_ids": kept[None]}
        if is_choice(model):
            alone = {name: value[None] for name, value in alone.items()}  # [1 question, 1 choice, S]
        runs.append(forward(model, alone, {}, cut_masks(masks, row, kept)))
        places.append(kept)
    loss = answer_loss(runs, places, labels) if is_answer(model) else head_loss(model, runs, keep, labels)
    loss.backward()
    found = {"loss": loss.detach().reshape(1)} | parameter_gradients(model)
    for index in range(len(runs[0].hidden_states)):
        padded = torch.zeros(*keep.shape, model.config.hidden_size, dtype=loss.dtype)
        for row, (run, kept) in enumerate(zip(runs, places)):
            states = run.hidden_states[index]
            # A sequence without a valid label has no part in the loss.
            padded[row, kept] = 0 if states.grad is None else states.grad[0]
        found[f"grad.hidden_states.{index}"] = padded
    return found


def head_loss(model, runs, keep, labels):
    """The loss of all heads but question answering, from the logits of all sequences."""
    name = type(model).__name__
    if name == "BertForPreTraining":
        tokens = torch.cat([run.prediction_logits[0] for run in runs])  # [T, V]
        pooled = torch.cat([run.seq_relationship_logits for run in runs])  # [B, 2]
        return cross_entropy(tokens, labels["labels"][keep]) + cross_entropy(pooled, labels["next_sentence_label"])
    logits = [run.logits for run in runs]
    wanted = labels_for(model, labels)["labels"]
    if name in ("BertForMaskedLM", "BertForTokenClassification"):
        return cross_entropy(torch.cat([one[0] for one in logits]), wanted[keep])
    logits = torch.cat(logits)  # [B, C]; choices and regression [B, 1]
    if is_choice(model):
        return cross_entropy(logits.reshape(len(wanted), -1), wanted)
    if model.config.problem_type == "regression":
        return mse_loss(logits[:, 0], wanted)
    if model.config.problem_type == "multi_label_classification":
        return binary_cross_entropy_with_logits(logits, wanted)
    return cross_entropy(logits, wanted)


def answer_loss(runs, places, labels):
    """Question answering over the real tokens of each sequence; a position outside the batch is ignored."""
    means = []
    for logits, wanted in (("start_logits", labels["start_positions"]), ("end_logits", labels["end_positions"])):
        terms = []
        for run, kept, column in zip(runs, places, wanted.tolist()):
            place = (kept == column).nonzero().flatten()  # the column's index among the kept ones
            if len(place):
                terms.append(cross_entropy(run[logits], place))
        means.append(torch.stack(terms).sum() / len(terms))
    return (means[0] + means[1]) / 2


def check_answer_loss(model, batch, labels):
    """On each sequence whose start and end are both valid, our formula must be transformers' own."""
    checked = 0
    for row, mask in enumerate(batch["attention_mask"].bool()):
        kept = mask.nonzero().flatten()
        columns = [labels[name][row] for name in ("start_positions", "end_positions")]
        if not all((kept == column).any() for column in columns):
            continue
        start, end = ((kept == column).nonzero().flatten() for column in columns)
        alone = {name: batch[name][row : row + 1, kept] for name in INPUTS} | {"position_ids": kept[None]}
        theirs = forward(model, alone, {"start_positions": start, "end_positions": end})
        one = {name: batch[name][row : row + 1] for name in INPUTS}
        ours = alone_gradients(model, one, {name: value[row : row + 1] for name, value in labels.items()})
        assert abs(theirs.loss.item() - ours["loss"].item()) < SAME
        checked += 1
    assert checked > 1


def reference_gradients(model, batch, labels, masks=None):
    """{loss, grad.*} in the model's dtype. In float64 both ways of computing are compared, where both have a meaning."""
    if is_answer(model):
        if masks is None:
            check_answer_loss(model, batch, labels)
        return alone_gradients(model, batch, labels, masks)
    found = padded_gradients(model, batch, labels, masks)
    if found["loss"].dtype == torch.float64:
        error, name = worst_error(alone_gradients(model, batch, labels, masks), found)
        assert error < SAME, f"padded and one at a time differ by {error:.1e} at {name}"
    return found


def norm(tensors):
    return sum(tensor.double().square().sum().item() for tensor in tensors) ** 0.5


def relative_errors(found, expected):
    """For each tensor: |found - expected| / max(|expected|, FLOOR * |all parameters' gradients|); the loss plainly."""
    everything = norm(value for name, value in expected.items() if is_parameter(name))
    errors = {}
    for name, value in expected.items():
        if name == "loss" or name.startswith("grad."):
            least = 0.0 if name == "loss" else FLOOR * everything
            errors[name] = norm([found[name].double() - value.double()]) / max(norm([value]), least)
    return errors


def is_parameter(name):
    return name.startswith("grad.") and not name.startswith("grad.hidden_states.")


def worst_error(found, expected):
    return max((error, name) for name, error in relative_errors(found, expected).items())


def rounded(tensors):
    return {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
