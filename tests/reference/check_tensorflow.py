"""Both sides of check_tensorflow.sh; TensorFlow and PyTorch clash in one process, so each side is one of its own.

    .cache/python-tensorflow/bin/python tests/reference/check_tensorflow.py write FOLDER
    .cache/python/bin/python tests/reference/check_tensorflow.py expect FOLDER

`write`: FOLDER/model as Google's zip of BERT-Mini is laid out (4 layers, 256 wide, 4 heads, 30,522 words), with weights of its
own, in three data files; with the moments of its optimizer, and so many other variables that the index has several blocks. Its
weights again in FOLDER/weights.npz. `expect`: what transformers' BertForPreTraining, filled with these, computes in
float64: FOLDER/erf.safetensors and FOLDER/tanh.safetensors.
"""

import json
import os
import pathlib
import sys
import tempfile

import google_bert
import numpy

SEED = 1867
CONFIG = google_bert.config(30522, 256, 4, 4, 1024, 512)
# A block of TensorFlow's tables has 256 KiB.
LEAST_INDEX = 2 * 256 * 1024


def write(folder):
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
    import tensorflow as tf

    generator = numpy.random.default_rng(SEED)
    variables = google_bert.variables(CONFIG, generator, {"predictions", "relationship"}, 0.05)
    numpy.savez(folder / "weights.npz", **variables)
    saved = dict(variables)
    for name, value in variables.items():
        if "embeddings" not in name:
            saved |= {f"{name}/adam_m": numpy.full_like(value, 0.5), f"{name}/adam_v": numpy.full_like(value, 0.25)}
    saved["global_step"] = numpy.int64(1_000_000)
    saved |= {f"unused/{generator.bytes(20).hex()}": numpy.float32(number) for number in range(12_000)}

    model = folder / "model"
    model.mkdir()
    (model / "bert_config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words += [f"word{number}" for number in range(len(words), CONFIG["vocab_size"])]
    (model / "vocab.txt").write_text("\n".join(words) + "\n")
    names = sorted(saved)
    with tempfile.TemporaryDirectory() as temporary:
        prefixes = [f"{temporary}/part{part}" for part in range(3)]
        for part, prefix in enumerate(prefixes):
            some = names[part::3]
            tensors = [tf.constant(saved[name]) for name in some]
            tf.raw_ops.SaveV2(prefix=prefix, tensor_names=some, shape_and_slices=[""] * len(some), tensors=tensors)
        tf.raw_ops.MergeV2Checkpoints(
            checkpoint_prefixes=prefixes, destination_prefix=str(model / "bert_model.ckpt"), delete_old_dirs=False
        )
    size = (model / "bert_model.ckpt.index").stat().st_size
    assert size > LEAST_INDEX, f"the index has {size} bytes: one block may hold it"


def googles(name):
    """Google's name for a parameter of transformers' model, and whether it is the other way round there."""
    fixed = {
        "cls.predictions.bias": "cls/predictions/output_bias",
        "cls.seq_relationship.weight": "cls/seq_relationship/output_weights",
        "cls.seq_relationship.bias": "cls/seq_relationship/output_bias",
    }
    if name in fixed:
        return fixed[name], False
    parts = name.replace(".layer.", ".layer_").split(".")
    if parts[-2].endswith("_embeddings"):
        return "/".join(parts[:-1]), False
    if parts[-2] == "LayerNorm":
        return "/".join([*parts[:-1], {"weight": "gamma", "bias": "beta"}[parts[-1]]]), False
    return "/".join([*parts[:-1], {"weight": "kernel", "bias": "bias"}[parts[-1]]]), parts[-1] == "weight"


def expect(folder):
    import common
    import torch
    import transformers

    weights = numpy.load(folder / "weights.npz")
    generator = numpy.random.default_rng(SEED)
    ids = torch.from_numpy(generator.integers(0, CONFIG["vocab_size"], (3, 40)))
    columns = torch.arange(40)
    batch = {
        "input_ids": ids,
        "token_type_ids": (columns >= 17).long().expand(3, -1).contiguous(),
        "attention_mask": (columns < torch.tensor([40, 23, 1])[:, None]).long(),
    }
    for name, activation in [("erf", "gelu"), ("tanh", "gelu_new")]:
        config = transformers.BertConfig(**CONFIG | {"hidden_act": activation}, attn_implementation="eager")
        model = transformers.BertForPreTraining(config).double().eval()
        used = set()
        with torch.no_grad():
            for parameter, tensor in model.named_parameters():
                theirs, transposed = googles(parameter)
                array = weights[theirs].T if transposed else weights[theirs]
                assert array.shape == tuple(tensor.shape), parameter
                tensor.copy_(torch.from_numpy(array.copy()))
                used.add(theirs)
        assert used == set(weights.files), set(weights.files) ^ used
        tensors = common.reference_tensors(model, batch)
        common.write_tensors(folder / f"{name}.safetensors", tensors)


{"write": write, "expect": expect}[sys.argv[1]](pathlib.Path(sys.argv[2]))
