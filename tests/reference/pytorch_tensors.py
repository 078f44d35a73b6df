"""The files of tests/fixtures/weights/pytorch that one version of PyTorch writes; make_pytorch.py runs this under several.

    PYTHON pytorch_tensors.py FOLDER

Runs under Python 2.7 and torch 1.4, too. All values are exact arithmetic, so that every version writes the same numbers.
"""

import sys
from collections import OrderedDict

import torch

VERSION = torch.__version__.split("+")[0]


class Tied(torch.nn.Module):
    """Parameters, buffers, and one tensor under two names."""

    def __init__(self):
        super(Tied, self).__init__()
        self.words = torch.nn.Embedding(5, 3)
        self.norm = torch.nn.BatchNorm1d(3)  # has buffers, one of them a whole number of shape []
        self.decoder = torch.nn.Linear(3, 5)
        self.decoder.weight = self.words.weight
        self.register_buffer("position_ids", torch.arange(7).unsqueeze(0))
        with torch.no_grad():
            for number, parameter in enumerate(self.parameters()):
                count = parameter.numel()
                parameter.copy_((torch.arange(count).float() - number).div(8).reshape(parameter.shape))


def everything():
    """A state dict, `_metadata` included, with tensors of every type, and views of every kind."""
    tensors = Tied().state_dict()
    grid = torch.arange(24).float().div(4).sub(3).reshape(4, 6)
    tensors["view.whole"] = grid
    tensors["view.transposed"] = grid.t()
    tensors["view.rows"] = grid[1:3]
    tensors["view.columns"] = grid[:, 2:5]
    tensors["view.steps"] = grid[::2, 1::3]
    tensors["view.one_row"] = grid[3:4].t()
    tensors["view.permuted"] = grid.reshape(2, 3, 4).permute(2, 0, 1)
    tensors["view.expanded"] = grid.reshape(-1)[:2].reshape(2, 1).expand(2, 4)
    tensors["view.none"] = grid[4:]
    tensors["parameter"] = torch.nn.Parameter(torch.tensor([1.5, -2.5]))
    whole = [-3, 0, 1, 2, 100]
    for name in ("int64", "int32", "int16", "int8"):
        tensors["type." + name] = torch.tensor(whole, dtype=getattr(torch, name))
    tensors["type.large"] = torch.tensor([2**62 + 1, -(2**62) - 3])
    tensors["type.uint8"] = torch.tensor([0, 1, 127, 128, 255], dtype=torch.uint8)
    tensors["type.bool"] = torch.tensor([True, False, True])
    tensors["type.float64"] = torch.tensor([1.0 / 3, 1e300, -5e-324], dtype=torch.float64)
    tensors["type.float32"] = torch.tensor([1.0 / 3, float("inf"), float("-inf"), -0.0, 1e-45, float("nan")])
    tensors["type.float16"] = torch.tensor([1.0, -2.0, 65504.0, 2.0**-24, 0.1]).half()
    tensors["type.bfloat16"] = torch.tensor([1.0, -2.0, 1e38, 0.1]).to(torch.bfloat16)
    tensors["shape.scalar"] = torch.tensor(7.25)
    tensors["shape.empty"] = torch.zeros(0)
    tensors["shape.no_rows"] = torch.zeros(3, 0, 2)
    tensors["shape.ones"] = torch.full((1, 1, 1, 1, 1), 0.5)
    return tensors


def trainer():
    """What PyTorch Lightning writes: the state dict beside the state of the training."""
    model = torch.nn.Linear(2, 3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.arange(parameter.numel()).float().reshape(parameter.shape))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    state_dict = model.state_dict()
    state_dict["_extra_state"] = {"kept": [1, None, True, 2.5, 2**70]}
    whole = {"epoch": 3, "global_step": 2**40, "state_dict": state_dict, "optimizer_states": [optimizer.state_dict()]}
    return whole


def save(folder, name, value, forms=("zip", "old"), protocols=(2,)):
    for form in forms:
        for protocol in protocols:
            path = "{}/{}-{}-{}-{}.bin".format(folder, name, VERSION, form, protocol)
            how = {} if VERSION == "1.4.0" else {"_use_new_zipfile_serialization": form == "zip"}
            torch.save(value, path, pickle_protocol=protocol, **how)


def old_python(folder):
    """Python 2 writes names as strings of bytes, and an OrderedDict as a list of pairs."""
    tensors = OrderedDict([("words.weight", torch.arange(6).float().reshape(2, 3)), ("words.bias", torch.ones(2).half())])
    tensors["transposed"] = tensors["words.weight"].t()
    save(folder, "python2", tensors, forms=("old",))
    save(folder, "python2-nested", {"model": tensors, "step": 3, "note": "caf\xe9"}, forms=("old",))


def newest(folder):
    """What only one version needs to write: wrappings, and what is refused."""
    save(folder, "trainer", trainer())
    nested = {"encoder": {"layer": {0: torch.ones(2)}}, "head": OrderedDict(weight=torch.zeros(1)), "steps": 5}
    save(folder, "nested", nested, forms=("zip",))
    save(folder, "empty", OrderedDict())
    with_state = torch.nn.Parameter(torch.tensor([3.0]))
    with_state.note = {"from": "somebody"}
    other = {"with_state": with_state, "uint16": torch.ones(2, dtype=torch.uint16), "device": torch.device("cpu")}
    other |= {"complex": torch.ones(2, dtype=torch.complex64), "float8": torch.ones(3).to(torch.float8_e4m3fn)}
    other |= {"size": torch.Size([2]), "dtype": torch.float16}
    save(folder, "other", other, forms=("zip",))  # torch cannot read its own untyped storages of the old form
    save(folder, "refused-expanded", {"x": torch.ones(1).expand(100)}, forms=("zip",))
    save(folder, "refused-negated", {"x": torch.imag(torch.tensor([1 + 2j]).conj())}, forms=("zip",))
    save(folder, "refused-module", torch.nn.Linear(1, 1), forms=("zip",))
    save(folder, "refused-tensor", torch.ones(2), forms=("zip",))
    save(folder, "refused-quantized", {"x": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)}, forms=("zip",))
    save(folder, "refused-numpy", {"x": torch.ones(2).numpy()}, forms=("old",))
    torch.jit.script(torch.nn.Linear(1, 1)).save(folder + "/refused-script.bin")


def main():
    folder = sys.argv[1]
    torch.manual_seed(0)
    if sys.version_info.major == 2:
        return old_python(folder)
    from safetensors.torch import save_file

    worked = OrderedDict(weight=torch.tensor([[1, 0, 0.5], [-2, 0, 3]]))
    if VERSION.startswith("1."):
        save(folder, "worked", worked, forms=("zip",))  # the book goes through it byte by byte
    tensors = everything()
    save(folder, "everything", tensors, protocols=(2, 4))
    twin = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    save_file(twin, "{}/everything-{}.safetensors".format(folder, VERSION))
    if not VERSION.startswith("1."):
        newest(folder)


if __name__ == "__main__":
    main()
