"""The other side of `bert-bench`: PyTorch, transformers and ONNX Runtime.

Reads requests from standard input, one JSON object a line, and answers each with one:

    {"versions": true}                       -> {"torch": "2.15.0", ...}
    {"make": NAME, "kind": KIND, "threads": N, "input": FILE, "output": FILE, ...}
                                             prepares a call, runs it once, stores its result -> {}
    {"turn": NAME, "seconds": S}             -> {"seconds": the median call's}
    {"drop": NAME}                           -> {}

KIND is one of the functions below. Files are safetensors. An error ends the program with its message.
"""

import json
import os
import statistics
import sys
import time
import warnings

# Nothing but answers may reach the pipe, whatever a library prints.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.filterwarnings("ignore")

import onnxruntime  # noqa: E402
import safetensors.torch  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from pretraining import pretraining  # noqa: E402
from torch.nn import functional  # noqa: E402
from training import fine_tuning, ragged_fine_tuning  # noqa: E402

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


# The small functions write into memory that is there already, as ours do: a fresh result costs more than they do.


def softmax(x, **_):
    out = torch.empty_like(x["x"])
    return lambda: torch.softmax(x["x"], -1, out=out)


def gelu(x, approximate, **_):
    out = torch.empty_like(x["x"])
    return lambda: torch.ops.aten.gelu.out(x["x"], approximate=approximate, out=out)


def elementwise(x, function, **_):
    out = torch.empty_like(x["x"])
    return lambda: getattr(torch, function)(x["x"], out=out)


def add_layer_norm(x, eps, **_):
    width = x["x"].shape[-1:]
    sums, out = torch.empty_like(x["x"]), torch.empty_like(x["x"])
    statistics = [torch.empty(len(out), 1), torch.empty(len(out), 1)]

    def call():
        torch.add(x["x"], x["residual"], out=sums)
        torch.ops.aten.native_layer_norm.out(
            sums, width, x["weight"], x["bias"], eps, out0=out, out1=statistics[0], out2=statistics[1]
        )
        return out

    return call


def attention(x, sequences, heads, **_):
    """[T, H] each, all sequences of one length, as BERT's layers hand them over."""

    def split(rows):
        return rows.view(sequences, -1, heads, rows.shape[1] // heads).transpose(1, 2)

    def call():
        mixed = functional.scaled_dot_product_attention(split(x["q"]), split(x["k"]), split(x["v"]))
        return mixed.transpose(1, 2).reshape(x["q"].shape)

    return call


def bert(model, **more):
    return transformers.BertModel.from_pretrained(model, add_pooling_layer=False, **more).eval()


def eager(x, model, **_):
    model = bert(model)
    return lambda: model(input_ids=x["ids"], token_type_ids=x["types"]).last_hidden_state


def compiled(x, model, **_):
    torch._dynamo.reset()  # or it would compile for any shape, having seen two
    model = torch.compile(bert(model), dynamic=False)
    return lambda: model(input_ids=x["ids"], token_type_ids=x["types"]).last_hidden_state


class Hidden(torch.nn.Module):
    """For the export: tensors in, one tensor out."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids, mask, types):
        return self.model(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state


def exported(model):
    """The model as ONNX, beside its weights; "eager" attention, because only that form is recognised and fused."""
    path = os.path.join(model, "model.onnx")
    if not os.path.exists(path):
        names = ["ids", "mask", "types"]
        ids = torch.ones(2, 16, dtype=torch.long)
        with torch.no_grad():
            torch.onnx.export(
                Hidden(bert(model, attn_implementation="eager")).eval(),
                (ids, torch.ones_like(ids), torch.zeros_like(ids)),
                path + ".tmp",
                input_names=names,
                output_names=["hidden"],
                dynamic_axes={name: {0: "sequences", 1: "tokens"} for name in [*names, "hidden"]},
                dynamo=False,
            )
        os.replace(path + ".tmp", path)
    return path


def onnx(x, model, threads, fused, int8=None, **_):
    """int8: none, or the arguments of quantize_dynamic."""
    path = exported(model)
    if fused:
        from onnxruntime.transformers import optimizer

        with open(os.path.join(model, "config.json")) as file:
            config = json.load(file)
        fused_model = optimizer.optimize_model(
            path,
            model_type="bert",
            num_heads=config["num_attention_heads"],
            hidden_size=config["hidden_size"],
            opt_level=0,
        )
        path = os.path.join(model, "fused.onnx")
        fused_model.save_model_to_file(path)
    if int8 is not None:
        from onnxruntime.quantization import quantize_dynamic

        full, path = path, os.path.join(model, "int8.onnx")
        quantize_dynamic(full, path, **int8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {"ids": x["ids"], "mask": torch.ones_like(x["ids"]), "types": x["types"]}
    feed = {name: tensor.numpy() for name, tensor in feed.items()}
    return lambda: torch.from_numpy(session.run(None, feed)[0])


def padded(x, model, batch, **_):
    """Sequences of many lengths, sorted by length, in padded batches; the result is packed again, in the old order."""
    model = bert(model)
    bounds = x["bounds"].tolist()
    pieces = [x["ids"][start:end] for start, end in zip(bounds, bounds[1:])]
    order = sorted(range(len(pieces)), key=lambda i: len(pieces[i]))

    def call():
        results = [None] * len(pieces)
        for start in range(0, len(order), batch):
            numbers = order[start : start + batch]
            ids = torch.nn.utils.rnn.pad_sequence([pieces[i] for i in numbers], batch_first=True)
            lengths = torch.tensor([len(pieces[i]) for i in numbers])
            mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
            hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
            for number, rows in zip(numbers, hidden):
                results[number] = rows[: len(pieces[number])]
        return torch.cat(results)

    return call


def embed(x, model, texts, batch, **_):
    """Lines of a file to mean vectors, tokenizer included, sorted by length, in padded batches."""
    with open(texts, encoding="utf-8") as file:
        lines = file.read().splitlines()
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    model = bert(model)

    def call():
        ids = tokenizer(lines, truncation=True)["input_ids"]
        order = sorted(range(len(lines)), key=lambda i: len(ids[i]))
        vectors = [None] * len(lines)
        for start in range(0, len(order), batch):
            numbers = order[start : start + batch]
            inputs = tokenizer.pad({"input_ids": [ids[i] for i in numbers]}, return_tensors="pt")
            hidden = model(**inputs).last_hidden_state
            mask = inputs["attention_mask"].unsqueeze(-1)
            means = (hidden * mask).sum(1) / mask.sum(1)
            for number, mean in zip(numbers, means):
                vectors[number] = mean
        return torch.stack(vectors)

    return call


def training(x, task, steps, compile, threads, **more):
    """`steps` steps of `task`; the loss and the length of the gradient of each, [steps, 2]."""
    if compile:
        torch._dynamo.reset()
    with torch.inference_mode(False):
        step = TASKS[task](x, compile=compile, **more)

    def call():
        with torch.inference_mode(False):
            return torch.stack([torch.stack(step()) for _ in range(steps)])

    return call


TASKS = {"fine-tuning": fine_tuning, "ragged fine-tuning": ragged_fine_tuning, "pre-training": pretraining}
KINDS = {
    kind.__name__: kind
    for kind in [
        softmax, gelu, elementwise, add_layer_norm, attention, eager, compiled, onnx, padded, embed, training
    ]  # fmt: skip
}


def turn(call, seconds):
    """As `turns.rs` does it: time to calm down, then calls until `seconds` are over; of several, the first is not counted."""
    time.sleep(0.05)
    times, start = [], time.perf_counter()
    while True:
        before = time.perf_counter()
        call()
        after = time.perf_counter()
        times.append(after - before)
        if after - start >= seconds:
            return statistics.median(times[1:] or times)


def main():
    calls = {}
    for line in sys.stdin:
        request = json.loads(line)
        answer = {}
        if "versions" in request:
            for library in [torch, transformers, onnxruntime]:
                answer[library.__name__] = library.__version__
        elif "make" in request:
            torch.set_num_threads(request["threads"])
            tensors = safetensors.torch.load_file(request["input"]) if "input" in request else {}
            names = {key: value for key, value in request.items() if key not in ("make", "kind", "input", "output")}
            call = KINDS[request["kind"]](tensors, **names)
            result = call().contiguous().clone()
            safetensors.torch.save_file({"output": result}, request["output"])
            calls[request["make"]] = call
        elif "turn" in request:
            answer["seconds"] = turn(calls[request["turn"]], request["seconds"])
        elif "drop" in request:
            del calls[request["drop"]]
        print(json.dumps(answer), file=answers, flush=True)


with torch.inference_mode():
    main()
