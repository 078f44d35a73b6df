"""Both directions of check_hub.sh.

    .cache/python/bin/python tests/reference/check_hub.py BERT

A server in this process answers as huggingface.co does (addresses and headers of its API) for one model, whose weights it calls a
large file (named by its SHA-256) and the rest small ones. Our program and huggingface_hub each fetch from it into a cache of their own;
then each opens, offline, what the other one fetched.
"""

import hashlib
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "tests/fixtures/toy"
FILES = ["config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAME = "owner/toy"
TEXT = "the [MASK] bites the man ."


def is_large(name):
    return name.endswith(".safetensors")


def git_name(name, body):
    """Git's own name for a small file has 40 digits; that of a large one is its SHA-256."""
    digest = hashlib.sha256(body).hexdigest()
    return digest if is_large(name) else digest[:40]


class Hub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def answer(self, with_body):
        path = self.path.split("?")[0]
        if path.startswith(f"/api/models/{NAME}/tree/"):
            files = [(name, (MODEL / name).read_bytes()) for name in FILES]
            tree = [{"type": "file", "path": name, "size": len(body), "oid": git_name(name, body)} for name, body in files]
            return self.send(json.dumps(tree).encode(), {"Content-Type": "application/json"}, with_body)
        if path.startswith(f"/api/models/{NAME}"):
            siblings = [{"rfilename": name} for name in FILES]
            body = {"id": NAME, "modelId": NAME, "sha": COMMIT, "siblings": siblings, "private": False, "tags": [], "downloads": 0, "likes": 0}
            return self.send(json.dumps(body).encode(), {"Content-Type": "application/json"}, with_body)
        for revision in ("main", COMMIT):
            start = f"/{NAME}/resolve/{revision}/"
            name = path.removeprefix(start)
            if path.startswith(start) and name in FILES:
                body = (MODEL / name).read_bytes()
                etag = f'"{git_name(name, body)}"'
                headers = {"X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes", "ETag": etag}
                if is_large(name):
                    headers |= {"X-Linked-Etag": etag, "X-Linked-Size": str(len(body))}
                return self.send(body, headers, with_body)
        self.send(b"{}", {"X-Error-Code": "RepoNotFound"}, with_body, 404)

    def send(self, body, headers, with_body, status=200):
        asked = self.headers.get("Range")
        if asked and status == 200:
            first, last = asked.removeprefix("bytes=").split("-")
            first, last = int(first), min(int(last) if last else len(body) - 1, len(body) - 1)
            headers |= {"Content-Range": f"bytes {first}-{last}/{len(body)}"}
            body, status = body[first : last + 1], 206
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_):
        pass


def environment(cache, endpoint, offline):
    own = {"HF_HUB_CACHE": str(cache), "HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": "1" if offline else "0", "HF_HUB_DISABLE_XET": "1"}
    return {name: value for name, value in os.environ.items() if not name.startswith("HF_")} | own


def run(command, env):
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


OPEN = """
import torch, transformers
tokenizer = transformers.AutoTokenizer.from_pretrained("{name}")
model = transformers.BertForMaskedLM.from_pretrained("{name}")
batch = tokenizer("{text}", return_tensors="pt")
place = batch["input_ids"][0].tolist().index(tokenizer.mask_token_id)
with torch.no_grad():
    shares = torch.softmax(model(**batch).logits[0, place].double(), 0)
best = shares.topk(3)
print(*(f"{{tokenizer.convert_ids_to_tokens(i)}} {{share:.4f}}" for share, i in zip(best.values.tolist(), best.indices.tolist())), sep="\\n")
"""
FETCH = 'import huggingface_hub; print(huggingface_hub.snapshot_download("{name}"))'


def main():
    bert = str(pathlib.Path(sys.argv[1]).resolve())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    ask = [bert, "fill-mask", "--model", NAME, "--top-k", "3", "--json", TEXT]

    def ours(env):
        answer = json.loads(run(ask, env))
        return [f"{one['token_str']} {one['score']:.4f}" for one in answer[0]]

    with tempfile.TemporaryDirectory() as folder:
        first, second = (pathlib.Path(folder) / name for name in ("ours", "theirs"))
        directory = run([bert, "download", NAME], environment(first, endpoint, False)).strip()
        assert pathlib.Path(directory).name == COMMIT, directory
        # Nobody listens there: whoever asks the network fails.
        nowhere = "http://127.0.0.1:9"
        code = OPEN.format(name=NAME, text=TEXT)
        theirs = run([sys.executable, "-c", code], environment(first, nowhere, True)).split("\n")[:-1]
        assert ours(environment(first, nowhere, True)) == theirs, theirs
        print("what our program fetched, transformers opens without a network:", ", ".join(theirs))
        run([sys.executable, "-c", FETCH.format(name=NAME)], environment(second, endpoint, False))
        assert ours(environment(second, nowhere, True)) == theirs
        assert ours(environment(second, nowhere, False)) == theirs, "what is there is not looked up"
        print("and what huggingface_hub fetched, our program")


main()
