"""Makes tests/fixtures/int8/int8.safetensors: 8-bit layers by their definition in NumPy, and a whole model of such layers.

    python tests/reference/make_int8.py [--out DIR]

A row of a weight becomes codes q = rint(x · (127 / max|x|)), a half to the even neighbour, and a scale max|x| / 127; a row of an input
codes u = min(rint(x · (1 / s)) + z, 255) with s = max/255 − min/255, where 0 counts as well, and z = rint(−min · (1 / s)); all in float32.
Sums of products of codes are whole numbers. One layer:
    input [7, 37], weight [19, 37], bias [19] f32
    weight_codes [19, 37] i8, weight_scales [19] f32
    input_codes [7, 37] u8, input_scales [7] f32, input_zero_points [7] u8
    output [7, 19] f32                  f32(sum) · (scale of the row · scale of the output) + bias
A model: transformers' BertForSequenceClassification of tests/fixtures/toy-classify in float32, each linear layer of the encoder replaced
by one of 8 bits, on the first texts of its reference.safetensors, one at a time and end to end:
    input_ids, token_type_ids [T] i64, bounds [B + 1] i64
    hidden [T, H], logits [B, C] f32
    full_hidden [T, H] f32              the same without 8 bits: how much they change
"""

from common import clear_folder, fixtures_folder, write_tensors
import numpy
import safetensors.numpy
import torch
import transformers

SEED = 2808
TEXTS = 3


def quantise(x):
    """Rows of x as codes and scales."""
    largest = numpy.maximum(numpy.abs(x).max(axis=1, keepdims=True), numpy.float32(1e-30))
    codes = numpy.rint(x * (numpy.float32(127) / largest)).astype(numpy.int8)
    return codes, (largest / numpy.float32(127))[:, 0]


def quantise_input(x):
    """Rows of x as codes, scales and zero points."""
    codes = numpy.float32(255)
    largest, least = numpy.maximum(x.max(axis=1), 0), numpy.minimum(x.min(axis=1), 0)
    scales = numpy.maximum(largest / codes - least / codes, numpy.float32(1e-30))
    per_number = numpy.float32(1) / scales
    zero_points = numpy.rint(-least * per_number).astype(numpy.int64)
    rounded = numpy.rint(x * per_number[:, None]).astype(numpy.int64)
    return numpy.minimum(rounded + zero_points[:, None], 255), scales, zero_points


def linear(x, weight_codes, weight_scales, bias):
    codes, scales, zero_points = quantise_input(x)
    sums = (codes - zero_points[:, None]) @ weight_codes.T.astype(numpy.int64)
    return sums.astype(numpy.float32) * (scales[:, None] * weight_scales[None, :]) + bias


class Int8Linear(torch.nn.Module):
    def __init__(self, full):
        super().__init__()
        self.codes, self.scales = quantise(full.weight.detach().numpy())
        self.bias = full.bias.detach().numpy()

    def forward(self, x):
        rows = x.reshape(-1, x.shape[-1]).numpy()
        return torch.from_numpy(linear(rows, self.codes, self.scales, self.bias)).reshape(*x.shape[:-1], -1)


def layer():
    generator = numpy.random.default_rng(SEED)
    x = generator.standard_normal((7, 37)).astype(numpy.float32)
    x[2] = 0
    x[4, :6] = [253.5, -1.5, 0.5, 1.5, 2.5, -0.5]  # the step is 1, and halves of it occur
    x[6] = numpy.abs(x[6])
    x[5] *= numpy.float32(1e-20)
    weight = (generator.standard_normal((19, 37)) * 0.05).astype(numpy.float32)
    bias = generator.standard_normal(19).astype(numpy.float32)
    weight_codes, weight_scales = quantise(weight)
    input_codes, input_scales, input_zero_points = quantise_input(x)
    output = linear(x, weight_codes, weight_scales, bias)
    return {
        "input": x, "weight": weight, "bias": bias, "output": output,
        "weight_codes": weight_codes, "weight_scales": weight_scales,
        "input_codes": input_codes.astype(numpy.uint8), "input_scales": input_scales,
        "input_zero_points": input_zero_points.astype(numpy.uint8),
    }  # fmt: skip


def model():
    folder = fixtures_folder([]) / "toy-classify"
    full = transformers.BertForSequenceClassification.from_pretrained(folder, attn_implementation="eager").eval()
    reference = safetensors.numpy.load_file(folder / "reference.safetensors")
    ids, types, bounds = [], [], [0]
    for row in range(TEXTS):
        kept = reference["attention_mask"][row] == 1
        ids.append(reference["input_ids"][row][kept])
        types.append(reference["token_type_ids"][row][kept])
        bounds.append(bounds[-1] + int(kept.sum()))

    def run():
        outputs = [
            full(input_ids=torch.from_numpy(i)[None], token_type_ids=torch.from_numpy(t)[None], output_hidden_states=True)
            for i, t in zip(ids, types)
        ]
        hidden = torch.cat([output.hidden_states[-1][0] for output in outputs])
        return hidden, torch.cat([output.logits for output in outputs])

    with torch.no_grad():
        full_hidden, _ = run()
        for name, module in list(full.bert.encoder.named_modules()):
            if isinstance(module, torch.nn.Linear):
                parent, _, last = name.rpartition(".")
                setattr(full.bert.encoder.get_submodule(parent), last, Int8Linear(module))
        hidden, logits = run()
    return {
        "input_ids": numpy.concatenate(ids), "token_type_ids": numpy.concatenate(types), "bounds": numpy.array(bounds),
        "hidden": hidden.numpy(), "logits": logits.numpy(), "full_hidden": full_hidden.numpy(),
    }  # fmt: skip


def main():
    folder = fixtures_folder() / "int8"
    clear_folder(folder)
    tensors = {name: torch.from_numpy(numpy.ascontiguousarray(x)) for name, x in (layer() | model()).items()}
    write_tensors(folder / "int8.safetensors", tensors)


if __name__ == "__main__":
    main()
