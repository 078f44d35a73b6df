"""Makes tests/fixtures/weights/pytorch/: files of torch.save as several versions of PyTorch write them.

    .cache/python/bin/python tests/reference/make_pytorch.py [--out DIR]

Written by pytorch_tensors.py under
    torch 1.13.1 with numpy 1.26.4, safetensors 0.8.0      .cache/torch-1.13.1, made here (1.5 GB from PyPI)
    torch 2.15.0                                           .cache/python, which runs this script
    torch 1.4.0 with Python 2.7                            .cache/torch-1.4.0, made here if python2.7 is there (0.8 GB)

    everything-VERSION-FORM-PROTOCOL.bin   one state dict; FORM is zip or old, PROTOCOL that of the pickle
    everything.safetensors                 its tensors, each contiguous; all versions agree on it, byte for byte
    python2*, trainer, nested, empty, other, refused-*    see pytorch_tensors.py
    NAME.safetensors                       what torch 2.15.0 reads in NAME-*.bin, in the names that ours gives them
    sharded/                               two small models in several files with an index, by huggingface_hub, and whole
    model/                                 the weights of parity/act-relu as pytorch_model.bin

Keys of the old form are addresses in memory, so those files are not the same twice. Every file is read back by torch 2.15.0
and compared here, bit for bit.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from common import CACHE, REFERENCE, clear_folder, fixtures_folder, write_tensors
import huggingface_hub
import torch
import transformers
from safetensors.torch import load_file

PACKAGES = {
    "1.13.1": ["torch==1.13.1", "numpy==1.26.4", "safetensors==0.8.0"],
    "1.4.0": ["torch==1.4.0", "numpy==1.16.6", "future==0.18.3"],
}


def environment(version, python):
    """A folder with that version of PyTorch, for PYTHONPATH."""
    folder = CACHE / f"torch-{version}"
    if not folder.is_dir():
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            subprocess.run([*command, f"{work}/made", *PACKAGES[version]], check=True)
            pathlib.Path(work, "made").rename(folder)
    return folder


def run(python, folder, path=None):
    variables = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONDONTWRITEBYTECODE": "1"}
    if path is not None:
        variables["PYTHONPATH"] = str(path)
    subprocess.run([python, REFERENCE / "pytorch_tensors.py", folder], check=True, env=variables)


def read(path):
    """As torch reads it. Its weights_only=True knows no protocol 4, and these files are ours; latin1 is for Python 2."""
    return torch.load(path, weights_only=False, encoding="latin1")


def same(a, b):
    """Bit for bit: a NaN equals itself."""
    bits = lambda tensor: tensor.detach().contiguous().reshape(-1).view(torch.uint8) if tensor.numel() else tensor
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(bits(a), bits(b))


def flattened(value, prefix=""):
    """The tensors of nested dictionaries, under names joined by dots."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from flattened(inner, f"{prefix}{key}.")
        elif isinstance(inner, torch.Tensor):
            yield f"{prefix}{key}", inner.detach().clone()


def check(folder):
    """Every file of `everything` holds what the twin holds."""
    twin = load_file(folder / "everything.safetensors")
    for path in sorted(folder.glob("everything-*.bin")):
        found = read(path)
        assert found.keys() == twin.keys() and found._metadata, path
        for name, tensor in found.items():
            assert same(tensor, twin[name]), (path, name)


def twins(folder):
    """What is in the other files. The state dict of `trainer` and of Python 2 lies under a key."""
    keys = {"trainer": "state_dict", "python2-nested": "model"}
    for name in ("worked", "trainer", "nested", "other", "python2", "python2-nested"):
        path = next(folder.glob(f"{name}-[0-9]*.bin"), None)
        if path is None:
            continue
        value = read(path)
        tensors = dict(flattened(value[keys[name]] if name in keys else value))
        write_tensors(folder / f"{name}.safetensors", tensors)


def sharded(folder):
    """Several files with an index, each form as huggingface_hub splits it."""
    names = [f"layer.{number}.{part}" for number in range(3) for part in ("weight", "bias")]
    tensors = {name: torch.arange(60).float().mul(place + 1).reshape(12, 5) for place, name in enumerate(names)}
    for safe, pattern in ((True, "model{suffix}.safetensors"), (False, "pytorch_model{suffix}.bin")):
        huggingface_hub.save_torch_state_dict(
            tensors, folder, filename_pattern=pattern, max_shard_size=600, safe_serialization=safe
        )
    write_tensors(folder / "whole.safetensors", tensors)


def model(folder):
    """The weights of parity/act-relu as transformers 4 saved a model: the tied decoder is spelled out."""
    parity = fixtures_folder([]) / "parity" / "act-relu"
    whole = transformers.BertForMaskedLM.from_pretrained(parity)
    torch.save(whole.state_dict(), folder / "pytorch_model.bin")


def main():
    out = fixtures_folder() / "weights" / "pytorch"
    committed = pathlib.Path(fixtures_folder([])) / "weights" / "pytorch"
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work)
        run(sys.executable, folder)
        run(sys.executable, folder, environment("1.13.1", sys.executable))
        # A shim of pyenv is there even where the version is not.
        python2 = shutil.which("python2.7")
        if python2 and subprocess.run([python2, "-c", ""], stderr=subprocess.DEVNULL).returncode == 0:
            run(python2, folder, environment("1.4.0", python2))
        else:
            print("pytorch: no python2.7 here; its files stay as they are")
            for path in committed.glob("python2*.bin"):
                shutil.copy(path, folder)
        one, other = (folder / f"everything-{version}.safetensors" for version in ("1.13.1", "2.15.0"))
        assert one.read_bytes() == other.read_bytes()
        one.unlink()
        other.rename(folder / "everything.safetensors")
        check(folder)
        twins(folder)
        for name, make in (("sharded", sharded), ("model", model)):
            (folder / name).mkdir()
            make(folder / name)
        for place in (out, out / "sharded", out / "model"):
            clear_folder(place)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                shutil.copy(path, out / path.relative_to(folder))
                (out / path.relative_to(folder)).chmod(0o644)
    sizes = [path.stat().st_size for path in out.rglob("*") if path.is_file()]
    assert max(sizes) <= 30_000 and sum(sizes) <= 150_000, (max(sizes), sum(sizes))
    print(f"pytorch: {len(sizes)} files, {sum(sizes)} bytes, the largest {max(sizes)}")


if __name__ == "__main__":
    main()
