"""Makes tests/fixtures/explain/explain.json: what speaks for a class, token by token, by PyTorch's autograd in float64.

    python tests/reference/make_explain.py [--out DIR]

Integrated gradients (Sundararajan, Taly and Yan, 2017) of one logit with respect to the output of the embeddings
(transformers' hidden_states[0]), from a baseline to the text, by the midpoint rule with a fixed number of steps. In the
baseline every token but [CLS] and [SEP] is replaced: by [MASK], by [PAD], or its vector by zeros. A hook puts the points
of the path in the place of what the embeddings gave, so what follows is transformers' own code. And occlusion: the logit
and the score (softmax, sigmoid or the logit itself) once more for each word, all pieces of the word being [MASK].

    cases[]: model (a folder beside this one), first, second (or null), class, tokens, word_ids, sequence_ids, steps,
             logit, score, baselines.{mask,pad,zero}.{logit, attributions[S]},
             words[]: {sequence, word, logit, score}, of the text without that word

Runs after make_fixtures.py and make_toy.py, and reads what they wrote.
"""

import json

import torch
import transformers
from common import clear_folder, fixtures_folder, load_model, versions, write_text

STEPS = 32
# model, first text, second text, class (none: the one with the largest logit)
CASES = [
    ("toy-classify", "the bread is good.", None, None),
    ("toy-classify", "the bread is not good.", None, None),
    ("toy-classify", "the bread is not good.", None, 2),
    ("toy-classify", "Émma does not like the Söup, and the gardener zebra 漢 is awful!", None, None),
    ("toy-classify", "she hates the city.", None, 1),
    ("toy-classify", "emma does not like the soup.", None, None),
    ("toy-classify", "emma does like the soup.", None, None),
    ("toy-classify", "good", None, None),
    ("toy-classify", "the [MASK] is terrible", None, None),
    ("toy-classify", "the bread is bad.", "the soup is wonderful, and i love the tea in the garden.", None),
    ("toy-classify", "the queen likes the song very much", "the bird sings in the forest.", 0),
    ("parity/odd-classify-multi-label", "a b", "c", None),
    ("parity/odd-classify-multi-label", "a b c", None, 3),
    ("parity/tiny-classify-regression", "a b c", None, None),
]


def encode(tokenizer, *texts):
    encoding = tokenizer(*texts, return_special_tokens_mask=True)
    tensors = {name: torch.tensor([encoding[name]]) for name in ("input_ids", "token_type_ids")}
    tensors["attention_mask"] = torch.ones_like(tensors["input_ids"])
    return encoding, tensors


def logits_at(model, batch, embedded=None):
    """The logits; with `embedded` [1, S, H] in the place of what the embeddings give."""
    if embedded is None:
        return model(**batch).logits[0]
    hook = model.bert.embeddings.register_forward_hook(lambda module, inputs, output: embedded)
    try:
        return model(**batch).logits[0]
    finally:
        hook.remove()


def replaced(batch, keep, token):
    return batch | {"input_ids": torch.where(keep, batch["input_ids"], token)}


def baseline_vectors(model, tokenizer, batch, keep, kind):
    """[1, S, H]"""
    if kind == "zero":
        return model.bert.embeddings(**without_mask(batch)) * keep[..., None]
    token = {"mask": tokenizer.mask_token_id, "pad": tokenizer.pad_token_id}[kind]
    return model.bert.embeddings(**without_mask(replaced(batch, keep, token)))


def without_mask(batch):
    return {name: batch[name] for name in ("input_ids", "token_type_ids")}


def integrated(model, batch, x, baseline, number):
    """Σ over H of (x − x′) · mean gradient at the midpoints: [S]"""
    total = torch.zeros_like(x)
    for step in range(STEPS):
        point = (baseline + (step + 0.5) / STEPS * (x - baseline)).requires_grad_()
        logit = logits_at(model, batch, point)[number]
        total += torch.autograd.grad(logit, point)[0]
    return ((x - baseline) * total / STEPS).sum(-1)[0]


def scores(config, logits):
    if config.problem_type == "regression":
        return logits
    if config.problem_type == "multi_label_classification" or len(logits) == 1:
        return logits.sigmoid()
    return logits.softmax(0)


def short(value):
    return [short(inner) for inner in value] if isinstance(value, list) else round(value, 9)


def make(fixtures, name, first, second, number):
    model, _ = load_model(fixtures / name)
    tokenizer = transformers.AutoTokenizer.from_pretrained(fixtures / name)
    encoding, batch = encode(tokenizer, *([first] if second is None else [first, second]))
    keep = torch.tensor([encoding["special_tokens_mask"]]).bool()
    # transformers' mask also counts special tokens that stand in the text; a word id tells them apart.
    keep &= torch.tensor([[word is None for word in encoding.word_ids()]])
    with torch.no_grad():
        logits = logits_at(model, batch)
        number = logits.argmax().item() if number is None else number
        x = model.bert.embeddings(**without_mask(batch))
        baselines = {kind: baseline_vectors(model, tokenizer, batch, keep, kind) for kind in ("mask", "pad", "zero")}
    case = {"model": name, "first": first, "second": second, "class": number, "steps": STEPS}
    case["tokens"] = tokenizer.convert_ids_to_tokens(encoding["input_ids"])
    case["word_ids"], case["sequence_ids"] = encoding.word_ids(), encoding.sequence_ids()
    case["logit"] = short(logits[number].item())
    case["score"] = short(scores(model.config, logits)[number].item())
    case["baselines"] = {}
    for kind, baseline in baselines.items():
        with torch.no_grad():
            logit = logits_at(model, batch, baseline)[number].item()
        attributions = integrated(model, batch, x, baseline, number)
        case["baselines"][kind] = {"logit": short(logit), "attributions": short(attributions.tolist())}
    case["words"] = list(occluded(model, tokenizer, encoding, batch, number))
    return case


def occluded(model, tokenizer, encoding, batch, number):
    places = list(zip(encoding.sequence_ids(), encoding.word_ids()))
    for sequence, word in dict.fromkeys(place for place in places if place[1] is not None):
        keep = torch.tensor([[place != (sequence, word) for place in places]])
        with torch.no_grad():
            logits = logits_at(model, replaced(batch, keep, tokenizer.mask_token_id))
        score = scores(model.config, logits)[number].item()
        yield {"sequence": sequence, "word": word, "logit": short(logits[number].item()), "score": short(score)}


def write(path, cases):
    """One line for each case: indented, the numbers would fill thousands of lines."""
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    write_text(path, f'{{"versions": {json.dumps(versions())},\n"cases": [\n{lines}\n]}}\n')


def main():
    fixtures = fixtures_folder()
    folder = fixtures / "explain"
    clear_folder(folder)
    write(folder / "explain.json", [make(fixtures, *case) for case in CASES])
    print(f"make_explain: {len(CASES)} cases")


if __name__ == "__main__":
    main()
