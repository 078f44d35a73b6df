"""Makes minilm/gradients.safetensors: the gradients of all-MiniLM-L6-v2 with a fresh classifier, for eight real texts.

    python3 tests/reference/fetch_minilm.py && python tests/reference/make_minilm_gradients.py [--out DIR]

    input_ids, token_type_ids, attention_mask   [8, S] int64, padded with the pad id
    labels                                      [8] int64 in 0..3, seeded; what they say means nothing
    texts                                       [8] int64, which of texts.json's entries the rows are
    init.classifier.weight, init.classifier.bias   [3, H], [3] f32, seeded, std 0.05; the pooler is the directory's own
    loss                                        [1] f32
    norm.NAME                                   [1] f32, the norm of the gradient of NAME, for each of named_parameters()
    index.NAME                                  [k] int64, k <= 64 flat places in that gradient, ascending
    sample.NAME                                 [k] f32, the values there

Half of the places are drawn from those where the gradient is not zero (most rows of the tables have none), the others
from all. Everything is computed in float64, dropout off, with the exact (erf) GELU of config.json. Runs after
make_minilm.py: texts.json names the texts, and its hashes must be those of the ids here.
"""

import json
import sys

from common import ROOT, fixtures_folder, shared_folder, write_tensors
from gradients import reference_gradients, relative_errors
from make_minilm import MODEL, fnv1a_64, read_xquad
import torch
import transformers

TEXTS = range(44, 52)  # English questions: short, and of many lengths
CLASSES = 3
STD = 0.05
SAMPLED = 64
SEED = 6385


def texts_file(out):
    path = out / "minilm" / "texts.json"
    return path if path.is_file() else ROOT / "tests" / "fixtures" / "minilm" / "texts.json"


def token_rows(out):
    """The ids of the chosen texts, found by what texts.json says and proven by its hashes."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(MODEL)
    listed = json.loads(texts_file(out).read_text(encoding="utf-8"))["texts"]
    articles = read_xquad(shared_folder() / "data", "en")
    rows = []
    for place in (listed[index] for index in TEXTS):
        assert place["file"] == "xquad/xquad.en.json", place
        article, paragraph, number = place["path"]
        ids = tokenizer(articles[article]["paragraphs"][paragraph]["qas"][number]["question"])["input_ids"]
        assert fnv1a_64(ids) == place["fnv1a"], place
        rows.append(ids)
    return rows


def padded(rows):
    width = max(map(len, rows))
    input_ids = torch.tensor([ids + [0] * (width - len(ids)) for ids in rows])
    mask = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids in rows])
    return {"input_ids": input_ids, "token_type_ids": torch.zeros_like(input_ids), "attention_mask": mask}


def fresh_head(generator, hidden):
    return {
        "classifier.weight": STD * torch.randn(CLASSES, hidden, generator=generator),
        "classifier.bias": STD * torch.randn(CLASSES, generator=generator),
    }


def load_classifier(head, dtype):
    """The directory's encoder and pooler, widened from f32, under the given head."""
    model, info = transformers.BertForSequenceClassification.from_pretrained(
        MODEL, num_labels=CLASSES, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    assert set(info["missing_keys"]) == set(head), info
    with torch.no_grad():
        for name, value in head.items():
            model.get_parameter(name).copy_(value)
    return model.to(dtype).eval()


def sampled_places(gradient, generator):
    """Up to SAMPLED flat places: half where the gradient is not zero, the others anywhere."""
    flat = gradient.flatten()
    acting = flat.nonzero().flatten()
    chosen = acting[torch.randperm(len(acting), generator=generator)[: SAMPLED // 2]]
    anywhere = torch.randperm(len(flat), generator=generator)[: SAMPLED // 2]
    return torch.cat([chosen, anywhere]).unique()


def main():
    if not MODEL.is_dir():
        sys.exit(f"{MODEL} is not there: run tests/reference/fetch_minilm.py first")
    out = fixtures_folder()
    rows = token_rows(out)
    batch = padded(rows)
    generator = torch.Generator().manual_seed(SEED)
    labels = {"labels": torch.randint(0, CLASSES, (len(rows),), generator=generator)}
    head = fresh_head(generator, transformers.AutoConfig.from_pretrained(MODEL).hidden_size)

    model = load_classifier(head, torch.float64)
    exact = reference_gradients(model, batch, labels)
    single = reference_gradients(load_classifier(head, torch.float32), batch, labels)
    tensors = batch | labels | {"texts": torch.tensor(TEXTS)} | {f"init.{name}": value for name, value in head.items()}
    tensors["loss"] = exact["loss"].float()
    for name, _ in model.named_parameters():
        gradient = exact[f"grad.{name}"]
        places = sampled_places(gradient, generator)
        tensors[f"norm.{name}"] = gradient.norm().float().reshape(1)
        tensors[f"index.{name}"] = places
        tensors[f"sample.{name}"] = gradient.flatten()[places].float()
    write_tensors(out / "minilm" / "gradients.safetensors", tensors)
    error, where = max((error, name) for name, error in relative_errors(single, exact).items())
    lengths = " ".join(str(len(ids)) for ids in rows)
    print(f"minilm gradients: lengths {lengths}, labels {labels['labels'].tolist()}, loss {exact['loss'].item():.6f}")
    print(f"  {sum(name.startswith('norm.') for name in tensors)} tensors, float32 is off by {error:.1e} at {where}")


if __name__ == "__main__":
    main()
