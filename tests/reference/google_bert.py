"""Google's modeling.py in NumPy and float64: the arithmetic of google-research/bert, from a dictionary of its own names.

Restated from the published file line by line, so that expected values come from nobody who read our code: kernels are
[in, out] and multiplied as they are; the embeddings are word + token type + position, then LayerNorm (epsilon 1e-12);
a masked key's score is lowered by 10,000; `gelu` is by tanh, as in today's file, or by erf, as it was when the models of
2018 were trained. Needs nothing but NumPy: it runs beside TensorFlow and beside PyTorch.
"""

import math

import numpy


def gelu_tanh(x):
    return 0.5 * x * (1.0 + numpy.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def gelu_erf(x):
    return 0.5 * x * (1.0 + numpy.vectorize(math.erf)(x / math.sqrt(2.0)))


def softmax(x):
    exponentials = numpy.exp(x - x.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


class Bert:
    """`variables`: name → array; `config`: what bert_config.json says; `gelu`: one of the two above."""

    def __init__(self, variables, config, gelu):
        self.variables = {name: array.astype(numpy.float64) for name, array in variables.items()}
        self.config, self.gelu = config, gelu

    def dense(self, x, name):
        return x @ self.variables[f"{name}/kernel"] + self.variables[f"{name}/bias"]

    def layer_norm(self, x, name):
        mean = x.mean(axis=-1, keepdims=True)
        variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
        return (x - mean) / numpy.sqrt(variance + 1e-12) * self.variables[f"{name}/gamma"] + self.variables[f"{name}/beta"]

    def embeddings(self, ids, types):
        tables = "bert/embeddings/"
        x = self.variables[tables + "word_embeddings"][ids] + self.variables[tables + "token_type_embeddings"][types]
        x = x + self.variables[tables + "position_embeddings"][: ids.shape[1]]
        return self.layer_norm(x, tables + "LayerNorm")

    def attention(self, x, mask, name):
        batch, length, width = x.shape
        heads = self.config["num_attention_heads"]

        def split(what):  # [B, N, S, D]
            return self.dense(x, f"{name}/self/{what}").reshape(batch, length, heads, width // heads).transpose(0, 2, 1, 3)

        scores = split("query") @ split("key").transpose(0, 1, 3, 2) / math.sqrt(width // heads)
        scores = scores + (1.0 - mask[:, None, None, :]) * -10000.0
        context = (softmax(scores) @ split("value")).transpose(0, 2, 1, 3).reshape(batch, length, width)
        return self.layer_norm(self.dense(context, f"{name}/output/dense") + x, f"{name}/output/LayerNorm")

    def outputs(self, ids, types, mask):
        """All that the variables make, under the names of the reference files."""
        x = self.embeddings(ids, types)
        found = {"hidden_states.0": x}
        for layer in range(self.config["num_hidden_layers"]):
            name = f"bert/encoder/layer_{layer}"
            attended = self.attention(x, mask.astype(numpy.float64), f"{name}/attention")
            intermediate = self.gelu(self.dense(attended, f"{name}/intermediate/dense"))
            x = self.layer_norm(self.dense(intermediate, f"{name}/output/dense") + attended, f"{name}/output/LayerNorm")
            found[f"hidden_states.{layer + 1}"] = x
        pooled = numpy.tanh(self.dense(x[:, 0], "bert/pooler/dense"))
        if "cls/squad/output_weights" not in self.variables:  # run_squad.py has no use for it
            found["pooler_output"] = pooled
        return found | self.heads(x, pooled)

    def heads(self, x, pooled):
        found, variables = {}, self.variables
        if "cls/predictions/output_bias" in variables:
            name = "cls/predictions/transform"
            transformed = self.layer_norm(self.gelu(self.dense(x, f"{name}/dense")), f"{name}/LayerNorm")
            found["mlm_logits"] = transformed @ variables["bert/embeddings/word_embeddings"].T + variables["cls/predictions/output_bias"]
        for name, prefix, x in [("nsp_logits", "cls/seq_relationship/", pooled), ("logits", "", pooled), ("squad", "cls/squad/", x)]:
            if f"{prefix}output_weights" in variables:
                found[name] = x @ variables[f"{prefix}output_weights"].T + variables[f"{prefix}output_bias"]
        if "squad" in found:  # two numbers for each token
            scores = found.pop("squad")
            found |= {"start_logits": scores[..., 0], "end_logits": scores[..., 1]}
        return found


def truncated_normal(generator, shape, deviation):
    """tf.truncated_normal_initializer: what lies further than two deviations from 0 is drawn again."""
    values = generator.normal(0.0, deviation, shape)
    while (far := abs(values) > 2 * deviation).any():
        values[far] = generator.normal(0.0, deviation, far.sum())
    return values.astype(numpy.float32)


def variables(config, generator, heads, deviation):
    """Fresh variables in Google's names and shapes. Biases and LayerNorm are not 0 and 1, so that an exchange shows."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    made = {}

    def table(name, *shape):
        made[name] = truncated_normal(generator, shape, deviation)

    def dense(name, rows, columns):
        table(f"{name}/kernel", rows, columns)
        table(f"{name}/bias", columns)

    def layer_norm(name):
        made[f"{name}/gamma"] = 1 + truncated_normal(generator, (width,), deviation)
        table(f"{name}/beta", width)

    table("bert/embeddings/word_embeddings", config["vocab_size"], width)
    table("bert/embeddings/token_type_embeddings", config["type_vocab_size"], width)
    table("bert/embeddings/position_embeddings", config["max_position_embeddings"], width)
    layer_norm("bert/embeddings/LayerNorm")
    for layer in range(config["num_hidden_layers"]):
        name = f"bert/encoder/layer_{layer}"
        for what in ("query", "key", "value"):
            dense(f"{name}/attention/self/{what}", width, width)
        dense(f"{name}/attention/output/dense", width, width)
        layer_norm(f"{name}/attention/output/LayerNorm")
        dense(f"{name}/intermediate/dense", width, inner)
        dense(f"{name}/output/dense", inner, width)
        layer_norm(f"{name}/output/LayerNorm")
    dense("bert/pooler/dense", width, width)
    if "predictions" in heads:
        dense("cls/predictions/transform/dense", width, width)
        layer_norm("cls/predictions/transform/LayerNorm")
        table("cls/predictions/output_bias", config["vocab_size"])
    for head, prefix, rows in [("relationship", "cls/seq_relationship/", 2), ("classify", "", 3), ("squad", "cls/squad/", 2)]:
        if head in heads:
            table(f"{prefix}output_weights", rows, width)
            table(f"{prefix}output_bias", rows)
    return made


def config(vocabulary, width, layers, heads, inner, positions):
    """bert_config.json of these sizes, with the keys of Google's files."""
    return {
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": width,
        "initializer_range": 0.02,
        "intermediate_size": inner,
        "max_position_embeddings": positions,
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "type_vocab_size": 2,
        "vocab_size": vocabulary,
    }
