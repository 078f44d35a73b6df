"""Loading weights with the libraries that wrote them, for `bert-bench load`, each in a process of its own:

    python load.py '{"job": "make", "folder": FOLDER, "layers": 12, "hidden": 768}'
    python load.py '{"job": "make-google", "folder": FOLDER}'                      with TensorFlow
    python load.py '{"job": "safetensors", "folder": FOLDER, "threads": N}'
    python load.py '{"job": "pytorch", "folder": FOLDER, "threads": N}'
    python load.py '{"job": "tensorflow", "folder": FOLDER, "threads": N}'         with TensorFlow

`make` writes a BERT with random weights as FOLDER/safetensors and FOLDER/pytorch, `make-google` the same numbers as
FOLDER/tensorflow. The others print a line of JSON: {seconds, first, start, peak, values}. `seconds` are those until all numbers are in
memory, `first` those until there is a result, where there is one (from_pretrained makes a model; torch.load and TensorFlow's
reader give tensors), `start` and `peak` what the process held in bytes. `values` are the first numbers of the result.
"""

import json
import os
import pathlib
import sys
import time

# Nothing but the answer may reach the pipe, whatever a library prints.
answer = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
os.environ |= {"HF_HUB_OFFLINE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}

TEXT = [101, 1996, 3899, 15424, 102]
NAMES = {"weight": "kernel", "bias": "bias"}


def held(field):
    for line in open("/proc/self/status", encoding="ascii"):
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/self/status has no {field}")


def make(folder, layers, hidden):
    import torch
    import transformers

    torch.manual_seed(1)
    config = transformers.BertConfig(
        num_hidden_layers=layers, hidden_size=hidden, num_attention_heads=hidden // 64, intermediate_size=4 * hidden
    )
    model = transformers.BertModel(config)
    folder = pathlib.Path(folder)
    model.save_pretrained(folder / "safetensors")
    (folder / "pytorch").mkdir()
    config.save_pretrained(folder / "pytorch")
    torch.save(model.state_dict(), folder / "pytorch/pytorch_model.bin")
    return {"torch": torch.__version__, "transformers": transformers.__version__}


def google(name):
    """Google's name for one of transformers', and whether its matrix is the other way round."""
    parts = name.split(".")
    if parts[-2] == "LayerNorm":
        parts[-1] = {"weight": "gamma", "bias": "beta"}[parts[-1]]
    elif parts[-2].endswith("embeddings"):
        parts.pop()
    else:
        parts[-1] = NAMES[parts[-1]]
    return "bert/" + "/".join(parts).replace("layer/", "layer_"), parts[-1] == "kernel"


def make_google(folder):
    import safetensors.numpy
    import tensorflow as tf

    folder = pathlib.Path(folder)
    (folder / "tensorflow").mkdir()
    config = json.loads((folder / "safetensors/config.json").read_text())
    keys = "hidden_size num_hidden_layers num_attention_heads intermediate_size vocab_size type_vocab_size max_position_embeddings"
    config = {key: config[key] for key in keys.split()} | {"hidden_act": "gelu"}
    (folder / "tensorflow/bert_config.json").write_text(json.dumps(config))
    names, tensors = [], []
    for name, values in safetensors.numpy.load_file(folder / "safetensors/model.safetensors").items():
        theirs, transposed = google(name)
        names.append(theirs)
        tensors.append(tf.constant(values.T if transposed else values))
    tf.raw_ops.SaveV2(
        prefix=str(folder / "tensorflow/bert_model.ckpt"), tensor_names=names, shape_and_slices=[""] * len(names), tensors=tensors
    )
    return {"tensorflow": tf.__version__}


def with_transformers(folder, threads):
    import torch
    import transformers

    torch.set_num_threads(threads)
    start = held("VmRSS")
    began = time.perf_counter()
    model = transformers.BertModel.from_pretrained(pathlib.Path(folder) / "safetensors")
    seconds = time.perf_counter() - began
    with torch.no_grad():
        values = model(torch.tensor([TEXT])).last_hidden_state[0, 0, :8].tolist()
    return {"seconds": seconds, "first": time.perf_counter() - began, "start": start, "peak": held("VmHWM"), "values": values}


def with_torch(folder, threads):
    import torch

    torch.set_num_threads(threads)
    start = held("VmRSS")
    began = time.perf_counter()
    tensors = torch.load(pathlib.Path(folder) / "pytorch/pytorch_model.bin", map_location="cpu", weights_only=True)
    seconds = time.perf_counter() - began
    values = tensors["embeddings.word_embeddings.weight"][0, :8].tolist()
    return {"seconds": seconds, "first": None, "start": start, "peak": held("VmHWM"), "values": values}


def with_tensorflow(folder, threads):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    start = held("VmRSS")
    began = time.perf_counter()
    reader = tf.train.load_checkpoint(str(pathlib.Path(folder) / "tensorflow/bert_model.ckpt"))
    tensors = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    seconds = time.perf_counter() - began
    values = tensors["bert/embeddings/word_embeddings"][0, :8].tolist()
    return {"seconds": seconds, "first": None, "start": start, "peak": held("VmHWM"), "values": values}


JOBS = {
    "make": make,
    "make-google": make_google,
    "safetensors": with_transformers,
    "pytorch": with_torch,
    "tensorflow": with_tensorflow,
}
request = json.loads(sys.argv[1])
print(json.dumps(JOBS[request.pop("job")](**request)), file=answer)
