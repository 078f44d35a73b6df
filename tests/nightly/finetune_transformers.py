"""Fine-tuning with transformers' Trainer, with the settings that `bert finetune` has by itself, and a baseline for each task.

    finetune_transformers.py classify --model DIR --train FILE --dev FILE [--seeds 1,2,3] [--threads N]
    finetune_transformers.py tag      (the same)
    finetune_transformers.py answer   (the same)
    finetune_transformers.py split FILE TRAIN DEV

classify  texts and labels: TSV without quoting or CSV, the first two columns, with a header
tag       a word and its tag in each line, a blank line between sentences
answer    SQuAD 1.1 JSON; windows of 384 tokens that share 128; questions of at most 64 tokens, answers of at most 30
split     cuts a SQuAD file in two: every fifth paragraph, from the fifth on, goes to DEV, the others to TRAIN. No
          paragraph is in both, and both programs read the same two files.

Settings: 3 epochs, batches of 32, padded to the longest, AdamW (PyTorch), learning rate 5e-5, warm-up over a tenth of the
steps (rounded up), then linear to 0; decay 0.01 but not of biases and LayerNorm; gradients clipped to 1; the dropout of the
model; texts as long as the model takes. The head is drawn by transformers.

Prints a line of JSON for the baseline and one for each seed: {side, task, seed, SCORES, train_seconds, predict_seconds}.
Scores are shares (accuracy; f1 of entities by seqeval) or, for answers, per cent (exact_match, f1). The baselines:

classify  TF-IDF of words and pairs of words, logistic regression
tag       logistic regression for each word: the word, its neighbours, its first and last letters, its shape
answer    `random`: a random piece of the context, as long as a random answer of the training data, a hundred times.
          `sentence`: the sentence most like the question by TF-IDF, whole; told for comparison, `must_beat` is false.
"""

import argparse
import collections
import csv
import json
import os
import pathlib
import random
import re
import statistics
import string
import tempfile
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy  # noqa: E402
from seqeval.metrics import f1_score  # noqa: E402
from sklearn.feature_extraction import DictVectorizer  # noqa: E402
from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402

IGNORED = -100
MAX_WINDOW, SHARED, MAX_QUESTION, MAX_ANSWER, BEST = 384, 128, 64, 30, 20
DRAWS = 100


# ---- data -----------------------------------------------------------------------------------


def read_texts(path):
    """(texts, labels)."""
    if path.suffix == ".csv":
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    else:
        rows = [line.split("\t") for line in path.read_text(encoding="utf-8-sig").split("\n") if line]
    texts, labels = zip(*[row[:2] for row in rows[1:]])
    return list(texts), list(labels)


def read_tagged(path):
    """[(words, tags)]: what is between blank lines."""
    sentences = []
    for block in re.split(r"\n(?:[ \t]*\n)+", path.read_text(encoding="utf-8").strip("\n")):
        rows = [line.split() for line in block.split("\n")]
        sentences.append(([row[0] for row in rows], [row[-1] for row in rows]))
    return sentences


def read_questions(path):
    """[{question, context, answers: [(text, start)]}], in the file's order."""
    questions = []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                answers = [(answer["text"], answer["answer_start"]) for answer in asked["answers"]]
                questions.append({"question": asked["question"], "context": paragraph["context"], "answers": answers})
    return questions


def split_squad(source, train, dev):
    file = json.loads(source.read_text(encoding="utf-8"))
    parts, number = {False: [], True: []}, 0
    for article in file["data"]:
        kept = {False: [], True: []}
        for paragraph in article["paragraphs"]:
            number += 1
            kept[number % 5 == 0].append(paragraph)
        for part, paragraphs in kept.items():
            if paragraphs:
                parts[part].append(article | {"paragraphs": paragraphs})
    for path, part in ((train, False), (dev, True)):
        path.write_text(json.dumps(file | {"data": parts[part]}, ensure_ascii=False) + "\n", encoding="utf-8")


# ---- the tasks ------------------------------------------------------------------------------


class Rows(torch.utils.data.Dataset):
    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, place):
        return self.rows[place]


class Classify:
    head = transformers.AutoModelForSequenceClassification

    def __init__(self, tokenizer, train, dev):
        self.tokenizer, self.data, self.dev_data = tokenizer, read_texts(train), read_texts(dev)
        self.labels = sorted(set(self.data[1]))
        self.collator = transformers.DataCollatorWithPadding(tokenizer)

    def rows(self, data):
        texts, labels = data
        encoded = self.tokenizer(texts, truncation=True)
        places = [self.labels.index(label) for label in labels]
        return [{name: encoded[name][place] for name in encoded} | {"labels": label} for place, label in enumerate(places)]

    def scores(self, logits, rows):
        return {"accuracy": self.accuracy([self.labels[place] for place in logits.argmax(-1)])}

    def accuracy(self, predicted):
        gold = self.dev_data[1]
        return sum(a == b for a, b in zip(predicted, gold)) / len(gold)

    def baselines(self):
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        model = LogisticRegression(C=10.0, max_iter=1000).fit(words.fit_transform(self.data[0]), self.data[1])
        yield {"baseline": "TF-IDF + logistic regression", "accuracy": self.accuracy(model.predict(words.transform(self.dev_data[0])))}


def shape(word):
    """Iphone6s -> Xxd x: upper, lower, digit, other; runs count once."""
    kinds = "".join("X" if c.isupper() else "x" if c.isalpha() else "d" if c.isdigit() else c for c in word)
    return re.sub(r"(.)\1+", r"\1", kinds)


def word_features(words, place):
    word = words[place]
    features = {"word": word.lower(), "shape": shape(word), "first": place == 0}
    features |= {f"begins {n}": word[:n].lower() for n in (1, 2, 3)} | {f"ends {n}": word[-n:].lower() for n in (1, 2, 3)}
    for step in (-1, 1):
        inside = 0 <= place + step < len(words)
        features |= {f"word {step}": words[place + step].lower(), f"shape {step}": shape(words[place + step])} if inside else {}
    return features


class Tag:
    head = transformers.AutoModelForTokenClassification

    def __init__(self, tokenizer, train, dev):
        self.tokenizer, self.data, self.dev_data = tokenizer, read_tagged(train), read_tagged(dev)
        self.labels = sorted({tag for _, tags in self.data for tag in tags})
        self.collator = transformers.DataCollatorForTokenClassification(tokenizer)

    def rows(self, sentences):
        """The first piece of a word has its tag. `word_ids` tells where the others are."""
        encoded = self.tokenizer([words for words, _ in sentences], is_split_into_words=True, truncation=True)
        rows = []
        for place, (_, tags) in enumerate(sentences):
            labels, before = [], None
            for word in encoded.word_ids(place):
                first = word is not None and word != before
                # The dev set may have a tag that the training set lacks: nothing can be learnt from it.
                labels.append(self.labels.index(tags[word]) if first and tags[word] in self.labels else IGNORED)
                before = word
            rows.append({name: encoded[name][place] for name in encoded} | {"labels": labels})
        return rows

    def scores(self, logits, rows):
        words = self.tokenizer([words for words, _ in self.dev_data], is_split_into_words=True, truncation=True)
        predicted = []
        for place, (_, tags) in enumerate(self.dev_data):
            found, before = ["O"] * len(tags), None
            for token, word in enumerate(words.word_ids(place)):
                if word is not None and word != before:
                    found[word] = self.labels[logits[place][token].argmax()]
                before = word
            predicted.append(found)
        return {"f1": float(f1_score([tags for _, tags in self.dev_data], predicted))}

    def baselines(self):
        features = DictVectorizer()
        of = lambda sentences: [word_features(words, place) for words, _ in sentences for place in range(len(words))]  # noqa: E731
        tags = [tag for _, tags in self.data for tag in tags]
        model = LogisticRegression(C=10.0, max_iter=300).fit(features.fit_transform(of(self.data)), tags)
        found = iter(model.predict(features.transform(of(self.dev_data))))
        predicted = [[next(found) for _ in words] for words, _ in self.dev_data]
        f1 = float(f1_score([tags for _, tags in self.dev_data], predicted))
        yield {"baseline": "logistic regression over features of words", "f1": f1}


class Answer:
    head = transformers.AutoModelForQuestionAnswering
    labels = None

    def __init__(self, tokenizer, train, dev):
        self.tokenizer, self.data, self.dev_data = tokenizer, read_questions(train), read_questions(dev)
        self.collator = transformers.DataCollatorWithPadding(tokenizer)

    def question(self, text):
        """Cut after so many tokens, where it is longer."""
        offsets = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        return text if len(offsets) <= MAX_QUESTION else text[: offsets[MAX_QUESTION - 1][1]]

    def windows(self, questions):
        return self.tokenizer(
            [self.question(asked["question"]) for asked in questions],
            [asked["context"] for asked in questions],
            truncation="only_second",
            max_length=min(MAX_WINDOW, self.tokenizer.model_max_length),
            stride=SHARED,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )

    def rows(self, questions):
        """A window that does not show all of the answer has [CLS] for it."""
        encoded, rows = self.windows(questions), []
        inputs = [name for name in encoded if name in self.tokenizer.model_input_names]
        for place, sample in enumerate(encoded["overflow_to_sample_mapping"]):
            offsets, kinds = encoded["offset_mapping"][place], encoded.sequence_ids(place)
            tokens = [token for token, kind in enumerate(kinds) if kind == 1]
            text, start = questions[sample]["answers"][0]
            end, first, last = start + len(text), 0, 0
            if offsets[tokens[0]][0] <= start and offsets[tokens[-1]][1] >= end:
                first = max(token for token in tokens if offsets[token][0] <= start)
                last = min(token for token in tokens if offsets[token][1] >= end)
            row = {name: encoded[name][place] for name in inputs}
            rows.append(row | {"start_positions": first, "end_positions": max(first, last)})
        return rows

    def scores(self, logits, rows):
        """Of all windows the best pair of logits, as run_squad.py has it."""
        start_logits, end_logits = logits
        encoded = self.windows(self.dev_data)
        found = [(-numpy.inf, "") for _ in self.dev_data]
        for place, sample in enumerate(encoded["overflow_to_sample_mapping"]):
            offsets, kinds = encoded["offset_mapping"][place], encoded.sequence_ids(place)
            best = lambda row: [int(token) for token in numpy.argsort(-row[: len(kinds)], kind="stable")[:BEST] if kinds[token] == 1]  # noqa: E731
            for first in best(start_logits[place]):
                for last in best(end_logits[place]):
                    if first <= last < first + MAX_ANSWER:
                        text = self.dev_data[sample]["context"][offsets[first][0] : offsets[last][1]]
                        score = start_logits[place][first] + end_logits[place][last]
                        found[sample] = max(found[sample], (score, text), key=lambda pair: pair[0])
        return squad_scores(self.dev_data, [text for _, text in found])

    def baselines(self):
        draw = random.Random(1)
        lengths = [len(asked["answers"][0][0].split()) for asked in self.data]
        runs = []
        for _ in range(DRAWS):
            predicted = []
            for asked in self.dev_data:
                words, length = asked["context"].split(), draw.choice(lengths)
                first = draw.randrange(max(1, len(words) - length + 1))
                predicted.append(" ".join(words[first : first + length]))
            runs.append(squad_scores(self.dev_data, predicted))
        yield {"baseline": "random"} | {name: statistics.fmean(run[name] for run in runs) for name in runs[0]}
        words = TfidfVectorizer(sublinear_tf=True).fit([asked["context"] for asked in self.data])
        predicted = []
        for asked in self.dev_data:
            sentences = re.split(r"(?<=[.!?])\s+", asked["context"])
            alike = (words.transform(sentences) @ words.transform([asked["question"]]).T).toarray()[:, 0]
            predicted.append(sentences[alike.argmax()])
        yield {"baseline": "sentence", "must_beat": False} | squad_scores(self.dev_data, predicted)


TASKS = {"classify": Classify, "tag": Tag, "answer": Answer}


# ---- SQuAD's evaluation (Rajpurkar et al., 2016, section 5; the program of version 1.1) --------


def normalised(text):
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(?:a|an|the)\b", " ", text).split())


def word_f1(gold, predicted):
    gold, predicted = normalised(gold).split(), normalised(predicted).split()
    common = (collections.Counter(gold) & collections.Counter(predicted)).total()
    if not common:
        return 0.0
    precision, recall = common / len(predicted), common / len(gold)
    return 2 * precision * recall / (precision + recall)


def squad_scores(questions, predicted):
    best = lambda score: [max(score(gold, text) for gold, _ in asked["answers"]) for asked, text in zip(questions, predicted)]  # noqa: E731
    exact = best(lambda gold, text: float(normalised(gold) == normalised(text)))
    return {"exact_match": 100 * statistics.fmean(exact), "f1": 100 * statistics.fmean(best(word_f1))}


# ---- training -------------------------------------------------------------------------------


def fine_tune(task, args, seed, folder):
    transformers.set_seed(seed)
    labels = {} if task.labels is None else {"id2label": dict(enumerate(task.labels)), "label2id": {label: place for place, label in enumerate(task.labels)}}
    model = task.head.from_pretrained(args.model, **labels)
    settings = transformers.TrainingArguments(
        output_dir=folder,
        seed=seed,
        num_train_epochs=args.epochs,
        per_device_train_batch_size=args.batch_size,
        per_device_eval_batch_size=args.batch_size,
        learning_rate=args.lr,
        lr_scheduler_type="linear",
        warmup_steps=0.1,  # below 1: a share of all steps, rounded up
        weight_decay=0.01,
        max_grad_norm=1.0,
        optim="adamw_torch",
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
    )
    start = time.perf_counter()
    data = Rows(task.rows(task.data))
    trainer = transformers.Trainer(model=model, args=settings, train_dataset=data, data_collator=task.collator)
    trainer.remove_callback(transformers.PrinterCallback)  # standard output is for our lines
    trainer.train()
    trained = time.perf_counter()
    rows = task.rows(task.dev_data)
    logits = trainer.predict(Rows(rows)).predictions
    scores = task.scores(logits, rows)
    predicted = time.perf_counter()
    return scores | {"train_seconds": trained - start, "predict_seconds": predicted - trained}


def tell(line):
    rounded = {name: round(value, 6) if isinstance(value, float) else value for name, value in line.items()}
    print(json.dumps(rounded), flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in TASKS:
        command = commands.add_parser(name)
        for option in ("--model", "--train", "--dev"):
            command.add_argument(option, type=pathlib.Path, required=True)
        command.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[1, 2, 3])
        command.add_argument("--threads", type=int, default=os.cpu_count())
        command.add_argument("--epochs", type=float, default=3.0)
        command.add_argument("--batch-size", type=int, default=32)
        command.add_argument("--lr", type=float, default=5e-5)
        command.add_argument("--only", choices=["baseline", "transformers"], help="half of the work")
    split = commands.add_parser("split")
    for name in ("source", "train", "dev"):
        split.add_argument(name, type=pathlib.Path)
    return parser.parse_args()


def main():
    args = arguments()
    if args.command == "split":
        split_squad(args.source, args.train, args.dev)
        return
    torch.set_num_threads(args.threads)
    transformers.utils.logging.disable_progress_bar()
    tokenizer = transformers.AutoTokenizer.from_pretrained(args.model)
    task = TASKS[args.command](tokenizer, args.train, args.dev)
    same = {"task": args.command, "train": args.train.name, "dev": args.dev.name}
    if args.only != "transformers":
        for line in task.baselines():
            tell({"side": "baseline"} | same | {"must_beat": True} | line)
    if args.only != "baseline":
        for seed in args.seeds:
            with tempfile.TemporaryDirectory() as folder:
                tell({"side": "transformers"} | same | {"seed": seed} | fine_tune(task, args, seed, folder))


if __name__ == "__main__":
    main()
