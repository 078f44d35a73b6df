"""What the fixture scripts share: paths, quiet settings, reference outputs in float64, files written the same way twice.

The format of a reference file (safetensors):

    input_ids, token_type_ids, attention_mask   [B, S] int64
    hidden_states.0 .. hidden_states.L          [B, S, H] f32; 0 is the output of the embeddings
    attentions.0 .. attentions.{L-1}            [B, N, S, S] f32, the probabilities
    pooler_output [B, H], mlm_logits [B, S, V], nsp_logits [B, 2], logits [B, C] or [B, S, C],
    start_logits [B, S], end_logits [B, S]      f32; only what the model has
    pooled_valid                                [B] int64, where the model pools (see below)

Everything is computed in float64 and rounded once. Places that attention_mask hides hold zeros, in rows and columns.
transformers pools column 0 even where the mask hides it. Such a row's pooled outputs are not those of any packed
sequence: they are stored as zeros, and pooled_valid is 0 there.
"""

import json
import os
import pathlib
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy  # noqa: E402
import safetensors  # noqa: E402
import tokenizers  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

transformers.utils.logging.disable_progress_bar()
# One thread: the order of a sum, and so its last bit, does not depend on the machine's number of cores.
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

REFERENCE = pathlib.Path(__file__).resolve().parent
ROOT = REFERENCE.parent.parent
CACHE = ROOT / ".cache"


def fixtures_folder(arguments=None):
    """The folder to write into: tests/fixtures, or what `--out DIR` says (to compare two runs)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if "--out" in arguments:
        return pathlib.Path(arguments[arguments.index("--out") + 1])
    return ROOT / "tests" / "fixtures"


def shared_folder():
    """The folder with the shared texts: BERT_SHARED, else ../shared beside the workspace."""
    folder = pathlib.Path(os.environ.get("BERT_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        sys.exit(f"{folder} is not a folder: set BERT_SHARED to the folder that holds data/")
    return folder


def versions():
    """The versions that decide the numbers."""
    modules = {"torch": torch, "transformers": transformers, "tokenizers": tokenizers, "safetensors": safetensors}
    found = {name: module.__version__.split("+")[0] for name, module in modules.items()}
    return found | {"numpy": numpy.__version__, "python": sys.version.split()[0]}


def write_text(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_json(path, value):
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_tensors(path, tensors, metadata=None):
    """Writes a safetensors file; the order of the names in the file is the library's own (fixed)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, str(path), metadata=metadata or {"format": "pt"})
    path.chmod(0o644)


def clear_folder(folder):
    """Empties a folder that a script is about to fill, so that no file of an earlier run stays.

    Gradients stay: other scripts make them, and gradients-dropout.safetensors keeps masks that only our program draws.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_file() and not path.name.startswith("gradients"):
            path.unlink()


def model_class(name):
    """transformers' class for an `architectures` entry."""
    if not name.startswith("Bert") or not hasattr(transformers, name):
        sys.exit(f"architectures names {name}, which is not a BERT class of transformers")
    return getattr(transformers, name)


def load_model(folder, dtype=torch.float64):
    """A model directory through transformers, eager attention, eval mode, and what the loading reported.

    Weights are read as stored and widened afterwards: loading straight into float64 gives the same values.
    """
    config = transformers.AutoConfig.from_pretrained(folder)
    architectures = config.architectures or ["BertModel"]
    model, info = model_class(architectures[0]).from_pretrained(
        folder, dtype=dtype, attn_implementation="eager", output_loading_info=True
    )
    return model.eval(), info


HEAD_OUTPUTS = {
    "BertForMaskedLM": {"logits": "mlm_logits"},
    "BertForPreTraining": {"prediction_logits": "mlm_logits", "seq_relationship_logits": "nsp_logits"},
    "BertForNextSentencePrediction": {"logits": "nsp_logits"},
    "BertForSequenceClassification": {"logits": "logits"},
    "BertForMultipleChoice": {"logits": "logits"},
    "BertForTokenClassification": {"logits": "logits"},
    "BertForQuestionAnswering": {"start_logits": "start_logits", "end_logits": "end_logits"},
    "BertModel": {},
}


def raw_outputs(model, batch):
    """Every output of one padded batch by its name in the reference file, in the model's own dtype, nothing zeroed."""
    name = type(model).__name__
    inputs = dict(batch)
    if name == "BertForMultipleChoice":
        # transformers wants [questions, choices, S]; one question holds all rows, and its logits come back as a row.
        inputs = {key: value.unsqueeze(0) for key, value in batch.items()}
    with torch.no_grad():
        found = model(**inputs, output_hidden_states=True, output_attentions=True, return_dict=True)
        outputs = {f"hidden_states.{i}": value for i, value in enumerate(found.hidden_states)}
        outputs |= {f"attentions.{i}": value for i, value in enumerate(found.attentions)}
        pooler = getattr(model, "bert", model).pooler
        if pooler is not None:
            outputs["pooler_output"] = pooler(found.hidden_states[-1])
    for theirs, ours in HEAD_OUTPUTS[name].items():
        outputs[ours] = getattr(found, theirs)
    if name == "BertForMultipleChoice":
        outputs["logits"] = outputs["logits"].reshape(-1, 1)  # [B * choices, 1]
    return outputs


POOLED_LOGITS = ("BertForSequenceClassification", "BertForMultipleChoice")


def zero_hidden_places(model, outputs, attention_mask):
    """Zeros what the mask hides, and the pooled rows whose first token it hides."""
    pooled_names = {"pooler_output", "nsp_logits"} | ({"logits"} if type(model).__name__ in POOLED_LOGITS else set())
    keep = attention_mask.bool()
    zeroed = {}
    for name, value in outputs.items():
        if name.startswith("attentions."):
            places = keep[:, None, :, None] & keep[:, None, None, :]  # [B, 1, S, S]
        elif name in pooled_names:
            places = keep[:, :1]  # [B, 1]
        else:
            places = keep.reshape(keep.shape + (1,) * (value.dim() - 2))  # [B, S, ...]
        zeroed[name] = torch.where(places, value, torch.zeros((), dtype=value.dtype))
    if "pooler_output" in outputs:
        zeroed["pooled_valid"] = keep[:, 0].long()
    return zeroed


def reference_tensors(model, batch):
    """The contents of a reference file for a float64 model."""
    assert next(model.parameters()).dtype == torch.float64
    zeroed = zero_hidden_places(model, raw_outputs(model, batch), batch["attention_mask"])
    rounded = {name: value.float() if value.is_floating_point() else value for name, value in zeroed.items()}
    return dict(batch) | rounded


def largest_difference(left, right):
    """Over all tensors two reference files share: (largest absolute difference, its tensor)."""
    worst = (0.0, "none")
    for name in sorted(set(left) & set(right)):
        if left[name].numel():
            worst = max(worst, ((left[name].double() - right[name].double()).abs().max().item(), name))
    return worst
