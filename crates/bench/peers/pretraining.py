"""A step of pre-training with PyTorch, for `bert-bench pretrain`. `peer.py` imports it to time it."""

import torch
from torch.nn.functional import cross_entropy
from training import configuration, optimizer_of
from transformers import BertForPreTraining

IGNORED = -100


class Plain(torch.nn.Module):
    """transformers as it is: logits of the vocabulary at every place, of which the loss then ignores most."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, inputs, places, words, pairs):
        labels = torch.full_like(inputs["input_ids"], IGNORED).flatten().index_copy(0, places, words)
        labels = labels.view_as(inputs["input_ids"])
        return self.model(**inputs, labels=labels, next_sentence_label=pairs).loss


class Gathered(torch.nn.Module):
    """The same loss from the same parts, with the masked places gathered before the head, as Google's program has it."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, inputs, places, words, pairs):
        outputs = self.model.bert(**inputs)
        masked = outputs.last_hidden_state.flatten(0, 1).index_select(0, places)  # [masked, H]
        logits = self.model.cls.predictions(masked)  # [masked, V]
        nsp_logits = self.model.cls.seq_relationship(outputs.pooler_output)  # [B, 2]
        return cross_entropy(logits, words) + cross_entropy(nsp_logits, pairs)


class Training:
    """A model with its optimizer. Each call is a step: forward, backward, clipping, AdamW, which has PyTorch's defaults."""

    def __init__(self, x, module, compile, learning_rate, max_norm, **_):
        self.module = module.train()
        self.loss = torch.compile(module, dynamic=False) if compile else module
        # Outside of peer.py's inference mode, where nothing can be differentiated.
        x = {name: tensor.clone() for name, tensor in x.items()}
        self.inputs = {"input_ids": x["ids"], "token_type_ids": x["types"]}
        if not x["mask"].all():
            self.inputs["attention_mask"] = x["mask"]
        self.labels = x["places"], x["words"], x["pairs"]
        self.optimizer = optimizer_of(module, learning_rate)
        self.max_norm = max_norm

    def __call__(self):
        """Returns the loss and the length of the gradient before clipping, as they come."""
        loss = self.loss(self.inputs, *self.labels)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.max_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.detach(), norm


def load(model, attention, dropout, gather):
    config = configuration(model, attention, dropout)
    model = BertForPreTraining.from_pretrained(model, config=config)
    # A random word may be [PAD]. transformers would not train its row then, and the gradients would differ.
    model.bert.embeddings.word_embeddings.padding_idx = None
    return Gathered(model) if gather else Plain(model)
