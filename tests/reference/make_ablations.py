"""Makes ablations/: a small model, and for each part left out of it what autograd computes in float64.

    python tests/reference/make_ablations.py [--out DIR]

config.json, model.safetensors: BertForPreTraining with two layers. NAME.safetensors for each ablation: batch, labels,
loss and gradients, in the form of gradients.safetensors (see make_gradients.py).

The parts are taken out of transformers' model from outside, its code untouched: by hooks on its modules, by its
attention's own attribute `scaling`, and by its own causal mask. What a hook takes out is multiplied by 0 instead of
being dropped, so that autograd gives zeros and not nothing to the parameters on which nothing depends any more.
"""

from common import clear_folder, fixtures_folder, load_model, write_tensors
from gradients import reference_gradients, rounded, worst_error
from make_fixtures import TINY, randomize, write_weights
from make_gradients import FLOAT32_LIMIT, make_batch
import torch
import transformers

SEED = 3000
ARCHITECTURE = TINY | {"num_hidden_layers": 2}


def layers(model):
    return model.bert.encoder.layer


def block_ends(model):
    """The modules that end in LayerNorm(dropout(dense(branch)) + input), two in each layer."""
    return [end for layer in layers(model) for end in (layer.attention.output, layer.output)]


def no_positions(model):
    return [model.bert.embeddings.position_embeddings.register_forward_hook(lambda _module, _inputs, output: 0 * output)]


def no_residual(model):
    def without_input(_module, arguments):
        branch, block_input = arguments
        return branch, 0 * block_input

    return [end.register_forward_pre_hook(without_input) for end in block_ends(model)]


def no_layer_norm(model):
    def unchanged(_module, inputs, output):
        return inputs[0] + 0 * output

    return [end.LayerNorm.register_forward_hook(unchanged) for end in block_ends(model)]


def no_scale(model):
    for layer in layers(model):
        layer.attention.self.scaling = 1.0
    return []


def no_feed_forward(model):
    def its_input(_module, inputs, output):
        return inputs[1] + 0 * output

    return [layer.output.register_forward_hook(its_input) for layer in layers(model)]


def left_to_right(model):
    # transformers' BertModel then makes the mask of a decoder.
    model.config.is_decoder = True
    model.config.use_cache = False
    return []


ABLATIONS = {
    "no-positions": no_positions,
    "no-residual": no_residual,
    "no-layer-norm": no_layer_norm,
    "no-scale": no_scale,
    "no-feed-forward": no_feed_forward,
    "left-to-right": left_to_right,
}


def gradients_of(folder, ablate, dtype):
    model, _ = load_model(folder, dtype)
    batch, labels = make_batch(model, SEED)
    hooks = ablate(model)
    try:
        return batch | labels | reference_gradients(model, batch, labels)
    finally:
        for hook in hooks:
            hook.remove()


def make(out):
    folder = out / "ablations"
    clear_folder(folder)
    model = transformers.BertForPreTraining(transformers.BertConfig(**ARCHITECTURE))
    randomize(model, SEED)
    write_weights(folder, model, torch.float32, None)
    whole = gradients_of(folder, lambda _model: [], torch.float64)["loss"].item()
    for name, ablate in ABLATIONS.items():
        expected = gradients_of(folder, ablate, torch.float64)
        error, where = worst_error(gradients_of(folder, ablate, torch.float32), expected)
        loss = expected["loss"].item()
        print(f"{name:16} loss {loss:8.5f} (whole {whole:8.5f}), float32 is off by {error:.1e} at {where}")
        assert error < FLOAT32_LIMIT, "this batch leaves float32 too little room"
        assert abs(loss - whole) > 1e-3, "the part counts for nothing"
        write_tensors(folder / f"{name}.safetensors", rounded(expected))


if __name__ == "__main__":
    make(fixtures_folder())
