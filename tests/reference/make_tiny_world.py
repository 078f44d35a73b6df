"""Makes crates/checkpoint/tiny-world/reference.safetensors: what transformers computes with the model that is built into
the program.

    python tests/reference/make_tiny_world.py [--out FILE]

Run it whenever that model was trained anew. The weights are widened to float64; results are rounded to float32.
"""

import pathlib
import sys

from common import ROOT, load_model, reference_tensors, write_tensors
import torch
import transformers

MODEL = ROOT / "crates" / "checkpoint" / "tiny-world"
PAIRS = [
    ("the dog [MASK] the postman .", "it barks ."),
    ("the man bites the [MASK] .", "he laughs today ."),
    ("the wise owls watch the small mouse in the forest .", "they [MASK] ."),
]


def main():
    arguments = sys.argv[1:]
    out = pathlib.Path(arguments[arguments.index("--out") + 1]) if "--out" in arguments else MODEL / "reference.safetensors"
    model, info = load_model(MODEL)
    assert not info["missing_keys"] and not info["unexpected_keys"], info
    tokenizer = transformers.BertTokenizer.from_pretrained(MODEL)
    first, second = zip(*PAIRS)
    batch = dict(tokenizer(list(first), list(second), padding=True, return_tensors="pt"))
    assert tokenizer.unk_token_id not in batch["input_ids"], "a word that tiny world does not know"
    names = ["input_ids", "token_type_ids", "attention_mask"]
    with torch.no_grad():
        write_tensors(out, reference_tensors(model, {name: batch[name] for name in names}))


main()
