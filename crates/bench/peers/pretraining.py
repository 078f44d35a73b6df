"""A step of pre-training with PyTorch, for `bert-bench pretrain`. `peer.py` imports it to time it."""

import torch
from torch.nn.functional import cross_entropy
from training import configuration, step_of
from transformers import BertForPreTraining

IGNORED = -100


class Plain(torch.nn.Module):
    """transformers as it is: logits of the vocabulary at every place, of which the loss then ignores most."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids, types, places, words, pairs, mask=None):
        labels = torch.full_like(ids, IGNORED).flatten().index_copy(0, places, words).view_as(ids)
        return self.model(ids, mask, types, labels=labels, next_sentence_label=pairs).loss


class Gathered(torch.nn.Module):
    """The same loss from the same parts, with the masked places gathered before the head, as Google's program has it."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids, types, places, words, pairs, mask=None):
        outputs = self.model.bert(ids, mask, types)
        masked = outputs.last_hidden_state.flatten(0, 1).index_select(0, places)  # [masked, H]
        logits = self.model.cls.predictions(masked)  # [masked, V]
        nsp_logits = self.model.cls.seq_relationship(outputs.pooler_output)  # [B, 2]
        return cross_entropy(logits, words) + cross_entropy(nsp_logits, pairs)


def pretraining(x, model, attention, dropout, gather, **more):
    """The [`Step`] of the model in the folder `model`."""
    config = configuration(model, attention, dropout)
    model = BertForPreTraining.from_pretrained(model, config=config)
    # A random word may be [PAD]. transformers would not train its row then, and the gradients would differ.
    model.bert.embeddings.word_embeddings.padding_idx = None
    module = Gathered(model) if gather else Plain(model)
    mask = [] if x["mask"].all() else [x["mask"]]
    return step_of(module, [x["ids"], x["types"], x["places"], x["words"], x["pairs"], *mask], **more)
