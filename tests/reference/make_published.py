"""Makes tests/fixtures/published/: the layout of the published numbers of official checkpoints, with values of our fixtures.

    python tests/reference/make_published.py [--out DIR]

published-values.json has one case of every kind, "fixture/NAME" standing for the model directory that "folder" names
(relative to tests/fixtures). All is computed by transformers in float64 with the exact (erf) GELU and rounded to four
places, as published numbers are. google-gelu.json asks the same of google-gelu/, a directory with Google's
bert_config.json, whose "gelu" could be read as tanh; its values under tanh are there too, to tell the two apart.
Runs after make_fixtures.py and make_toy.py, and reads what they wrote.
"""

import json

import make_fixtures
from common import clear_folder, fixtures_folder, load_model, raw_outputs, versions, write_json, write_text
import torch
import transformers

PLACES = 4


def outputs_of(folder, case):
    """Every output for the case's ids; where it gives no mask or types, ones and zeros."""
    model, _ = load_model(folder)
    assert model.config.hidden_act == "gelu", "the published numbers hold under erf"
    ids = torch.tensor(case["input_ids"])
    batch = {
        "input_ids": ids,
        "token_type_ids": torch.tensor(case.get("token_type_ids", torch.zeros_like(ids).tolist())),
        "attention_mask": torch.tensor(case.get("attention_mask", torch.ones_like(ids).tolist())),
    }
    outputs = raw_outputs(model, batch)
    outputs["last_hidden_state"] = outputs[f"hidden_states.{model.config.num_hidden_layers}"]
    return outputs


def cut(value, case):
    """The named rows and columns (from..=to, from 0) of the one sequence, rounded; always a list of rows."""
    value = value[0] if value.dim() == 3 else value  # [S, C], or [1, C] as it is
    if "rows" in case:
        value = value[case["rows"][0] : case["rows"][1] + 1]
    if "columns" in case:
        value = value[:, case["columns"][0] : case["columns"][1] + 1]
    return [[round(number, PLACES) for number in row] for row in value.tolist()]


def fill_mask_top(folder, text):
    model = transformers.BertForMaskedLM.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    pipe = transformers.pipeline("fill-mask", model=model, tokenizer=tokenizer, device="cpu")
    return [[found["token_str"], round(found["score"], 5)] for found in pipe(text, top_k=5)]


def ids_of(folder, *texts):
    encoded = transformers.AutoTokenizer.from_pretrained(folder)(*texts)
    return {"input_ids": [encoded["input_ids"]], "token_type_ids": [encoded["token_type_ids"]]}


def window(first, last):
    return {"rows": list(first), "columns": list(last)}


def cases(fixtures):
    toy_answer = ids_of(fixtures / "toy-answer", "who bites the man ?", "the dog bites the man .")
    pair = ids_of(fixtures / "toy", "the dog bites the man .", "it is angry .")
    some = {"input_ids": [[2, 45, 32, 28, 74, 14, 69, 6, 3]]}
    hidden_first = some | {"attention_mask": [[0] + [1] * 8]}
    sentiment = {"input_ids": ids_of(fixtures / "toy-classify", "the bread is not good .")["input_ids"]}
    tagged = {"input_ids": ids_of(fixtures / "toy-tag", "anna lives in ashton .")["input_ids"]}
    middle = window((1, 3), (1, 3))
    yield "parity/even-base-prefixed", "none", "last_hidden_state", hidden_first | middle
    yield "parity/even-masked-lm", "masked_lm", "mlm_logits", some | middle
    yield "parity/even-pretraining", "masked_lm", "mlm_logits", hidden_first | window((2, 4), (90, 96))
    yield "toy", "next_sentence", "nsp_logits", pair
    yield "toy", "none", "last_hidden_state", pair | middle
    yield "parity/even-classify", "sequence_classification", "logits", some
    yield "toy-classify", "sequence_classification", "logits", sentiment
    yield "parity/even-tag", "token_classification", "logits", some | middle
    yield "toy-tag", "token_classification", "logits", tagged | window((1, 5), (0, 4))
    yield "toy-answer", "question_answering", "start_logits", toy_answer | {"columns": [1, 3]}
    yield "toy-answer", "question_answering", "end_logits", toy_answer | {"columns": [1, 8]}
    yield "toy", "masked_lm", "fill_mask", {"text": "The dog [MASK] the man."}


def finished(fixtures, folder, head, output, case):
    named = {"model": "fixture/" + folder.split("/")[-1], "folder": folder, "head": head, "source": "tests/reference/make_published.py"}
    named |= {key: case[key] for key in ("text", "input_ids", "attention_mask", "token_type_ids") if key in case}
    named |= {"output": output} | {key: case[key] for key in ("rows", "columns") if key in case}
    if output == "fill_mask":
        return named | {"expected_top": fill_mask_top(fixtures / folder, case["text"])}
    return named | {"expected": cut(outputs_of(fixtures / folder, case)[output], case)}


def google_gelu(folder):
    """A directory with bert_config.json in Google's form; (erf values, tanh values) of its masked LM."""
    clear_folder(folder)
    config = transformers.BertConfig(**make_fixtures.TINY)
    model = transformers.BertForMaskedLM(config)
    make_fixtures.randomize(model, 900)
    # Large logits, so that the two GELUs differ by far more than the tolerance of 1e-4.
    model.bert.embeddings.word_embeddings.weight.data *= 10
    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    make_fixtures.write_vocabulary(folder, config)
    case = {"input_ids": [[2, 7, 9, 12, 20, 4, 3]]} | window((1, 3), (1, 3))
    exact = cut(outputs_of(folder, case)["mlm_logits"], case)
    tanh, _ = load_with_activation(folder, "gelu_new")
    ids = torch.tensor(case["input_ids"])
    batch = {"input_ids": ids, "token_type_ids": torch.zeros_like(ids), "attention_mask": torch.ones_like(ids)}
    approximate = cut(raw_outputs(tanh, batch)["mlm_logits"], case)
    (folder / "config.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    keys = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act")
    keys += ("hidden_dropout_prob", "attention_probs_dropout_prob", "max_position_embeddings", "type_vocab_size", "initializer_range")
    write_json(folder / "bert_config.json", {key: getattr(config, key) for key in keys})
    return case, exact, approximate


def load_with_activation(folder, activation):
    return transformers.BertForMaskedLM.from_pretrained(
        folder, dtype=torch.float64, attn_implementation="eager", hidden_act=activation, output_loading_info=True
    )


def document(about, found):
    """One case per line group, as in the original: readable, and small in a diff."""
    lines = ",\n".join("    " + json.dumps(case, ensure_ascii=False) for case in found)
    return "{\n" + f'  "about": {json.dumps(about)},\n  "cases": [\n{lines}\n  ]\n}}\n'


def main():
    fixtures = fixtures_folder()
    out = fixtures / "published"
    clear_folder(out)
    about = f"Values of the fixtures beside this folder, transformers {versions()['transformers']} in float64, erf GELU. "
    slices = "Slices are [row from..=to, column from..=to], counted from 0."
    found = [finished(fixtures, *case) for case in cases(fixtures)]
    write_text(out / "published-values.json", document(about + slices, found))
    case, exact, approximate = google_gelu(out / "google-gelu")
    apart = (torch.tensor(exact) - torch.tensor(approximate)).abs().max().item()
    assert apart > 1e-3, apart
    named = {"model": "fixture/google-gelu", "folder": "published/google-gelu", "head": "masked_lm", "source": "tests/reference/make_published.py"}
    google = named | {"input_ids": case["input_ids"], "output": "mlm_logits", "rows": case["rows"], "columns": case["columns"]}
    google |= {"expected": exact, "under_tanh_gelu": approximate}
    write_text(out / "google-gelu.json", document(about + slices, [google]))
    print(f"published: {len(found)} cases and google-gelu, erf {exact[0]} against tanh {approximate[0]}")


if __name__ == "__main__":
    main()
