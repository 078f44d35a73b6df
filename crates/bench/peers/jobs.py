"""Whole jobs with transformers, for `bert-bench finetune` and `bert-bench predict`, each in a process of its own:

    python jobs.py '{"job": "finetune", "model": FOLDER, "texts": FILE, "threads": N, "in_order": false}'
    python jobs.py '{"job": "predict", "model": FOLDER, "texts": FILE, "threads": N}'
    python jobs.py '{"job": "versions"}'

FILE has a sentence, a TAB and its class in each line. Prints a line of JSON: {seconds, start, peak, values}. `seconds` are those
from texts in memory to a trained model, or to answers; `start` and `peak` what the process held in bytes once libraries were
there, and the most it ever held. `values` are the losses of all steps, or each text's probability of the second class.

finetune  the Trainer: batches of 32, padded to the longest; one epoch; AdamW, learning rate 5e-5, warm-up over a tenth, linear
          decay, clipping to 1. With "in_order" the sentences come as they stand in the file.
predict   the text-classification pipeline with batches of 32, the texts sorted by length, so that little is padded
"""

import json
import os
import sys
import time

# Nothing but the answer may reach the pipe, whatever a library prints.
answer = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

import tempfile  # noqa: E402

import torch  # noqa: E402
import transformers  # noqa: E402
from training import held  # noqa: E402

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

BATCH = 32


class Recorder(transformers.Trainer):
    """Keeps the loss of each step."""

    losses = []

    def compute_loss(self, *arguments, **more):
        found = super().compute_loss(*arguments, **more)
        self.losses.append((found[0] if isinstance(found, tuple) else found).detach())
        return found


def read(path):
    with open(path, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return [text for text, _ in rows], [int(label) for _, label in rows]


def finetune(model, texts, in_order, **_):
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(model)
    texts, labels = read(texts)
    with tempfile.TemporaryDirectory() as folder:
        settings = transformers.TrainingArguments(
            output_dir=folder,
            num_train_epochs=1,
            per_device_train_batch_size=BATCH,
            learning_rate=5e-5,
            lr_scheduler_type="linear",
            warmup_steps=0.1,  # below 1: a share of all steps
            weight_decay=0.01,
            max_grad_norm=1.0,
            optim="adamw_torch_fused",
            train_sampling_strategy="sequential" if in_order else "random",
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
        )
        start = time.perf_counter()
        encoded = tokenizer(texts, truncation=True)
        rows = [{name: encoded[name][i] for name in encoded} | {"labels": label} for i, label in enumerate(labels)]
        collator = transformers.DataCollatorWithPadding(tokenizer)
        trainer = Recorder(model=model, args=settings, train_dataset=rows, data_collator=collator)
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
        seconds = time.perf_counter() - start
    return seconds, [float(loss) for loss in trainer.losses]


def predict(model, texts, **_):
    pipe = transformers.pipeline("text-classification", model=model, device="cpu")
    second = pipe.model.config.id2label[1]
    texts, _ = read(texts)
    start = time.perf_counter()
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    found = pipe([texts[i] for i in order], batch_size=BATCH, truncation=True)
    answers = [None] * len(texts)
    for i, best in zip(order, found):
        answers[i] = best
    seconds = time.perf_counter() - start
    return seconds, [best["score"] if best["label"] == second else 1 - best["score"] for best in answers]


def versions(**_):
    return {module.__name__: module.__version__ for module in (torch, transformers)}


def main():
    request = json.loads(sys.argv[1])
    job = request.pop("job")
    if job == "versions":
        print(json.dumps(versions()), file=answer)
        return
    torch.set_num_threads(request.pop("threads"))
    start = held("VmRSS")
    seconds, values = {"finetune": finetune, "predict": predict}[job](**request)
    print(json.dumps({"seconds": seconds, "start": start, "peak": held("VmHWM"), "values": values}), file=answer)


if __name__ == "__main__":
    main()
