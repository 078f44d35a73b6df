"""Makes tests/fixtures/weights/tensorflow/: checkpoints that TensorFlow wrote, and what is in them.

    tests/reference/make_env_tensorflow.sh
    .cache/python-tensorflow/bin/python tests/reference/make_tensorflow.py [--out DIR]

Written by tensorflow-cpu 2.21.0 with numpy 2.4.6 and safetensors 0.8.0.

numbers     one data file: every type of number, odd shapes, empty tensors, scalars, special values (tf.raw_ops.SaveV2);
            expected.json has each tensor's type, shape and bytes (hex, little-endian, row by row)
shards      the same tensors in three data files (SaveV2 three times, then MergeV2Checkpoints); the same expected.json holds
worked      the linear layer of the book's chapter on weights, whose bytes are explained there one by one
sliced      a tensor in two slices, as partitioned variables are saved
pretrain    a model with both heads of pre-training, by Google's names (tf.compat.v1.train.Saver), with the moments of its
            optimizer and a step counter; reference.safetensors: Google's arithmetic (google_bert.py) with tanh, as its
            bert_config.json is read; reference_erf.safetensors: with erf
classify    a fine-tuned model as run_classifier.py saves it, three classes, model.ckpt-12
squad       a fine-tuned model as run_squad.py saves it
"""

import json
import os
import pathlib
import shutil
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import google_bert  # noqa: E402
import numpy  # noqa: E402
import tensorflow as tf  # noqa: E402
from safetensors.numpy import save_file  # noqa: E402

SEED = 1813
FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] a the dog man bites sees old red . ##s ##ed un".split()


def every_number():
    """Name → tensor."""
    generator = numpy.random.default_rng(SEED)
    made = {}
    reals = [0.0, -0.0, 1.5, -2.0, numpy.inf, -numpy.inf, numpy.nan, 1e-40, 3.4e38, 65504.0, 2**-24]
    for dtype in (tf.float32, tf.float64, tf.float16, tf.bfloat16):
        made[f"special/{dtype.name}"] = tf.cast(tf.constant(reals, tf.float64), dtype)
        made[f"matrix/{dtype.name}"] = tf.cast(tf.constant(generator.normal(size=(3, 7))), dtype)
    for dtype in (tf.int64, tf.int32, tf.int16, tf.int8, tf.uint8, tf.uint16, tf.uint32, tf.uint64):
        made[f"limits/{dtype.name}"] = tf.constant([dtype.min, 0, 1, dtype.max], dtype)
    made["flags"] = tf.constant([[True, False, True]])
    made["scalar"] = tf.constant(-7.25)
    made["step"] = tf.constant(1 << 40, tf.int64)
    made["empty"] = tf.zeros([0])
    made["empty/matrix"] = tf.zeros([3, 0, 5], tf.float64)
    made["one/of/each"] = tf.ones([1, 1, 1, 1, 1])
    made["five/dimensions"] = tf.constant(generator.normal(size=(2, 3, 1, 5, 2)), tf.float32)
    made["complex"] = tf.constant([1 + 2j], tf.complex64)
    made["text"] = tf.constant(["two", "texts"])
    made["größe"] = tf.constant([1.0, 2.0])  # a name that is not ASCII
    return made


def save(prefix, tensors, slices=None):
    names = sorted(tensors)
    slices = slices or [""] * len(names)
    tf.raw_ops.SaveV2(
        prefix=str(prefix), tensor_names=names, shape_and_slices=slices, tensors=[tensors[name] for name in names]
    )


def merge(prefixes, prefix):
    tf.raw_ops.MergeV2Checkpoints(
        checkpoint_prefixes=[str(part) for part in prefixes], destination_prefix=str(prefix), delete_old_dirs=False
    )


def expected(tensors):
    described = {}
    for name, tensor in sorted(tensors.items()):
        described[name] = {"dtype": tensor.dtype.name, "shape": tensor.shape.as_list()}
        if tensor.dtype != tf.string:
            described[name]["bytes"] = tensor.numpy().tobytes().hex()
    return json.dumps(described, indent=1, ensure_ascii=False) + "\n"


def make_numbers(out):
    tensors = every_number()
    save(out / "numbers/numbers.ckpt", tensors)
    (out / "numbers/expected.json").write_text(expected(tensors), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        parts = [pathlib.Path(folder) / f"part{part}" for part in range(3)]
        for part, prefix in enumerate(parts):
            # The third data file holds what the first two leave, so that sizes differ.
            some = [name for place, name in enumerate(sorted(tensors)) if min(place % 5, 2) == part]
            save(prefix, {name: tensors[name] for name in some})
        merge(parts, out / "shards/numbers.ckpt")
        parts = [pathlib.Path(folder) / f"slice{part}" for part in range(2)]
        for part, prefix in enumerate(parts):
            save(prefix, {"table": tf.fill([2, 3], float(part))}, [f"4 3 {2 * part},2:-"])
        merge(parts, out / "sliced/sliced.ckpt")


def make_worked(out):
    weight = tf.constant([[1.0, 0.0, 0.5], [-2.0, 0.0, 3.0]])  # [out, in]
    save(out / "worked/worked.ckpt", {"dense/kernel": tf.transpose(weight), "dense/bias": tf.constant([1.5, -2.0])})


def save_model(prefix, variables):
    """As Google's programs do it: a graph, variables by name, a Saver."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, value in variables.items():
            # A resource's name in the checkpoint is the variable's own, as it is for the older kind that Google used.
            tf.compat.v1.get_variable(name, initializer=value)
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver()
        saver.save(session, str(prefix), write_meta_graph=False, write_state=False)


def make_model(out, prefix, layers, heads, with_optimizer):
    generator = numpy.random.default_rng(SEED)
    config = google_bert.config(len(WORDS), 8, layers, 2, 12, 9)
    variables = google_bert.variables(config, generator, heads, 0.4)
    out.mkdir(parents=True)
    (out / "bert_config.json").write_text(json.dumps(config, indent=2) + "\n")
    (out / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    # A whole sequence, one of every length that is shorter, and one of a single token.
    lengths = numpy.array([9, 6, 3, 1])
    ids = generator.integers(0, len(WORDS), (4, 9))
    types = (numpy.arange(9)[None, :] >= 4) * numpy.ones((4, 1), numpy.int64)
    mask = (numpy.arange(9)[None, :] < lengths[:, None]).astype(numpy.int64)
    batch = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}
    for name, gelu in [("reference", google_bert.gelu_tanh), ("reference_erf", google_bert.gelu_erf)]:
        outputs = google_bert.Bert(variables, config, gelu).outputs(ids, types, mask)
        per_token = [key for key in outputs if outputs[key].ndim == 3 or key in ("start_logits", "end_logits")]
        for key in per_token:
            outputs[key][mask == 0] = 0
        outputs = {key: value.astype(numpy.float32) for key, value in outputs.items()}
        save_file({key: numpy.ascontiguousarray(value) for key, value in (batch | outputs).items()}, out / f"{name}.safetensors")
    if with_optimizer:
        moments = {f"{name}/{slot}": numpy.full_like(value, 0.5) for name, value in variables.items() for slot in ("adam_m", "adam_v")}
        variables |= moments | {"global_step": numpy.int64(20)}
    save_model(out / prefix, variables)


def main():
    arguments = sys.argv[1:]
    base = pathlib.Path(arguments[arguments.index("--out") + 1]) if "--out" in arguments else FIXTURES
    out = base / "weights/tensorflow"
    shutil.rmtree(out, ignore_errors=True)
    for folder in ("numbers", "shards", "sliced", "worked"):
        (out / folder).mkdir(parents=True)
    make_numbers(out)
    make_worked(out)
    make_model(out / "pretrain", "bert_model.ckpt", 2, {"predictions", "relationship"}, True)
    make_model(out / "classify", "model.ckpt-12", 1, {"classify"}, False)
    make_model(out / "squad", "model.ckpt-12", 1, {"squad"}, False)


main()
