"""A step of fine-tuning with PyTorch, for `bert-bench train`. `peer.py` imports it to time it.

As a program it takes steps in a process of its own, so that nothing else counts as their memory:

    python training.py '{"model": FOLDER, "input": FILE, "threads": N, "compile": false, "steps": 3, ...}'

prints {"start": BYTES, "peak": BYTES}: what the process held once the libraries were there, and the most it ever held.
"""

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


class Training:
    """A classifier with its optimizer. Each call is a step: forward, backward, clipping, AdamW, which has PyTorch's defaults."""

    def __init__(self, x, model, compile, learning_rate, max_norm, **_):
        self.module = model.train()
        self.model = torch.compile(model, dynamic=False) if compile else model
        # Outside of peer.py's inference mode, where nothing can be differentiated.
        self.inputs = {name: x[key].clone() for name, key in [("input_ids", "ids"), ("token_type_ids", "types")]}
        self.labels = x["labels"].clone()
        self.optimizer = optimizer_of(model, learning_rate)
        self.max_norm = max_norm

    def __call__(self):
        """Returns the loss and the length of the gradient before clipping, as they come."""
        loss = self.model(**self.inputs, labels=self.labels).loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.max_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.detach(), norm


def configuration(model, attention, dropout):
    """`attention` is one of transformers' names: "sdpa" (scaled_dot_product_attention, its default) or "eager"."""
    config = BertConfig.from_pretrained(model, attn_implementation=attention)
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = dropout
    return config


def load(model, attention, dropout):
    config = configuration(model, attention, dropout)
    return BertForSequenceClassification.from_pretrained(model, config=config)


def held(field):
    """VmRSS or VmHWM of this process in bytes; unlike ru_maxrss, the latter does not begin with the parent's."""
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith(field + ":"))
    return 1024 * int(line.split()[1])


def main():
    request = json.loads(sys.argv[1])
    start = held("VmRSS")
    torch.set_num_threads(request["threads"])
    config = configuration(request["model"], request["attention"], request["dropout"])
    # Fresh weights, as on our side: no file lies in memory beside the model.
    request["model"] = BertForSequenceClassification(config)
    step = Training(load_file(request["input"]), **request)
    for _ in range(request["steps"]):
        step()
    print(json.dumps({"start": start, "peak": held("VmHWM")}))


if __name__ == "__main__":
    main()
