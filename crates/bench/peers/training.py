"""A step of fine-tuning with PyTorch, for `bert-bench train`. `peer.py` imports it to time it.

As a program it takes steps in a process of its own, so that nothing else counts as their memory:

    python training.py '{"model": FOLDER, "input": FILE, "threads": N, "compile": false, "steps": 3, ...}'

prints {"start": BYTES, "peak": BYTES}: what the process held once the libraries were there, and the most it ever held.
"""

import itertools
import json
import sys

import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertForSequenceClassification

NO_DECAY = ("bias", "LayerNorm.weight")


def optimizer_of(model, learning_rate):
    """PyTorch's fused AdamW, without decay for biases and LayerNorm."""
    parameters = list(model.named_parameters())
    groups = [
        {"params": [value for name, value in parameters if not name.endswith(NO_DECAY)]},
        {"params": [value for name, value in parameters if name.endswith(NO_DECAY)], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, fused=True)


class Step:
    """Each call is a step of training: forward, backward, clipping, AdamW, which has PyTorch's defaults.

    `loss` is called with what the next of `batches` holds; after the last the first comes again. `exact`: the gradient's length is added up in f64. PyTorch does it in f32, which
    makes it 3e-4 too small over a table of 30,522 words. `bf16`: products in bfloat16.
    """

    def __init__(self, module, loss, batches, learning_rate, max_norm, exact, bf16):
        self.module = module.train()
        self.loss = loss
        self.batches = itertools.cycle(batches)
        self.optimizer = optimizer_of(module, learning_rate)
        self.max_norm = max_norm
        self.exact = exact
        self.bf16 = bf16

    def __call__(self):
        """Returns the loss and the length of the gradient before clipping, as they come."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            loss = self.loss(*next(self.batches))
        loss.backward()
        norm = self.clip()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.detach(), norm

    def clip(self):
        parameters = list(self.module.parameters())
        if not self.exact:
            return torch.nn.utils.clip_grad_norm_(parameters, self.max_norm)
        norms = [value.grad.double().norm() for value in parameters if value.grad is not None]
        norm = torch.stack(norms).norm().float()
        torch.nn.utils.clip_grads_with_norm_(parameters, self.max_norm, norm)
        return norm


class Classifier(torch.nn.Module):
    """Of transformers' model the loss."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids, types, labels, mask=None):
        return self.model(input_ids=ids, token_type_ids=types, labels=labels, attention_mask=mask).loss


def step_of(module, arguments, **more):
    """Of one batch, which is that of each step."""
    return steps_of(module, [arguments], **more)


def steps_of(module, batches, compile, **more):
    """`batches`: tensors, which are copied: in peer.py's inference mode nothing of them could be differentiated."""
    loss = torch.compile(module, dynamic=len(batches) > 1) if compile else module
    return Step(module, loss, [[tensor.clone() for tensor in batch] for batch in batches], **more)


def configuration(model, attention, dropout):
    """`attention` is one of transformers' names: "sdpa" (scaled_dot_product_attention, its default) or "eager"."""
    config = BertConfig.from_pretrained(model, attn_implementation=attention)
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = dropout
    return config


def classifier(model, attention, dropout):
    config = configuration(model, attention, dropout)
    return Classifier(BertForSequenceClassification.from_pretrained(model, config=config))


def fine_tuning(x, model, attention, dropout, **more):
    """The [`Step`] of a classifier in the folder `model`."""
    return step_of(classifier(model, attention, dropout), inputs(x), **more)


def ragged_fine_tuning(x, model, attention, dropout, **more):
    """The same on sequences of many lengths. Each batch is padded to its longest, before the clock starts."""
    bounds, batches = x["bounds"].tolist(), x["batches"].tolist()
    pieces = [x["ids"][start:end] for start, end in zip(bounds, bounds[1:])]
    padded = []
    for first, end in zip(batches, batches[1:]):
        ids = torch.nn.utils.rnn.pad_sequence(pieces[first:end], batch_first=True)
        lengths = torch.tensor([len(piece) for piece in pieces[first:end]])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        padded.append([ids, torch.zeros_like(ids), x["labels"][first:end], mask])
    return steps_of(classifier(model, attention, dropout), padded, **more)


def inputs(x):
    return [x["ids"], x["types"], x["labels"]]


def held(field):
    """VmRSS or VmHWM of this process in bytes; unlike ru_maxrss, the latter does not begin with the parent's."""
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith(field + ":"))
    return 1024 * int(line.split()[1])


def main():
    request = json.loads(sys.argv[1])
    start = held("VmRSS")
    threads, steps, input, folder = (request.pop(key) for key in ("threads", "steps", "input", "model"))
    torch.set_num_threads(threads)
    config = configuration(folder, request.pop("attention"), request.pop("dropout"))
    # Fresh weights, as on our side: no file lies in memory beside the model.
    model = Classifier(BertForSequenceClassification(config))
    step = step_of(model, inputs(load_file(input)), **request)
    for _ in range(steps):
        step()
    print(json.dumps({"start": start, "peak": held("VmHWM")}))


if __name__ == "__main__":
    main()
