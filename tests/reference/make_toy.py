"""Trains the toy models: tests/fixtures/{toy, toy-classify, toy-tag, toy-answer}, each a Hugging Face model directory.

    python tests/reference/make_toy.py [--out DIR] [--only-outputs]

toy is pre-trained from nothing (masked LM and next sentence) on the language of toy_language.py; the others are
fine-tuned from it. --only-outputs keeps the weights and makes reference.safetensors and pipelines.json anew.
Takes about ten minutes on one thread. Same machine and versions give the same bytes; another processor may round
otherwise, so the committed weights are the ones that count.
"""

import random
import sys

import toy_language as language
from common import (
    clear_folder, fixtures_folder, load_model, reference_tensors, versions, write_json, write_tensors, write_text,
)  # fmt: skip
from toy_pipelines import write_pipelines
import torch
import transformers
from torch.nn.functional import cross_entropy

SEED = 20181011  # the day the paper appeared
POSITIONS = 64
IGNORED = -100
VOCABULARY = language.vocabulary()
IDS = {token: index for index, token in enumerate(VOCABULARY)}
PAD, UNK, CLS, SEP, MASK = range(5)
NAMED_ENTITIES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def pieces(word):
    """Greedy longest-match WordPiece of one lower-case word, as ids."""
    found, start = [], 0
    while start < len(word):
        prefix = "##" if start else ""
        end = next((end for end in range(len(word), start, -1) if prefix + word[start:end] in IDS), None)
        if end is None:
            return [UNK]
        found.append(IDS[prefix + word[start:end]])
        start = end
    return found


class Example:
    """One input: [CLS] a [SEP] (b [SEP]), and for each id the index of its word, -1 for special tokens."""

    def __init__(self, first, second=None):
        self.ids, self.types, self.words = [CLS], [0], [-1]
        for kind, words in enumerate([first] if second is None else [first, second]):
            for index, word in enumerate(words):
                for piece in pieces(word):
                    self.add(piece, kind, index)
            self.add(SEP, kind, -1)
        del self.ids[POSITIONS:], self.types[POSITIONS:], self.words[POSITIONS:]

    def add(self, token, kind, word):
        self.ids.append(token)
        self.types.append(kind)
        self.words.append(word)


def pad(rows, filler):
    width = max(len(row) for row in rows)
    return torch.tensor([row + [filler] * (width - len(row)) for row in rows])


def collate(examples):
    ids = pad([example.ids for example in examples], PAD)
    mask = pad([[1] * len(example.ids) for example in examples], 0)
    return {"input_ids": ids, "token_type_ids": pad([example.types for example in examples], 0), "attention_mask": mask}


def ended(rng, words, mark="."):
    """With its full stop, four times in five."""
    return words + [mark] if rng.random() < 0.8 else words


# ---- pre-training data


def document(rng):
    """(first, second) that belong together: a story, a question and its answer, a home, or opinions."""
    subject, choice = language.random_subject(rng), rng.random()
    if choice < 0.55:
        return language.words_of(language.one_sentence(rng, subject)), language.words_of(language.follow_up(rng, subject))
    if choice < 0.8:
        told = language.tellable(rng, subject)
        question, _ = language.question_about(rng, told)
        answer = language.words_of(told) + ["."]
        other = language.words_of(language.one_sentence(rng, language.random_subject(rng))) + ["."]
        return question, rng.choice([answer, answer + other, other + answer])
    if choice < 0.9:
        words, pronoun = language.person_name(rng, 0.3, 0.3)
        resident = language.Subject(words, "woman" if pronoun == "she" else "man", pronoun)
        return language.words_of(language.home_town(rng, words)), language.words_of(language.follow_up(rng, resident))
    label = rng.choice(language.OPINIONS)
    return tuple(language.words_of(language.opinion(rng, label)) for _ in range(2))


def finish(rng, words):
    return words if words[-1] in ".?" else ended(rng, words)


def pretraining_example(rng):
    """(example, next-sentence label): 0 follows, 1 random, IGNORED for a single sentence."""
    first, second = document(rng)
    if rng.random() < 0.3:
        return Example(finish(rng, rng.choice([first, second]))), IGNORED
    label = int(rng.random() < 0.5)
    if label:
        second = document(rng)[1]
    return Example(finish(rng, first), finish(rng, second)), label


def mask_tokens(rng, example):
    """(masked ids, labels): 15 % of the ordinary tokens, at least one; 80 % [MASK], 10 % random, 10 % kept."""
    ids, labels = list(example.ids), [IGNORED] * len(example.ids)
    places = [place for place, word in enumerate(example.words) if word >= 0]
    for place in rng.sample(places, max(1, round(0.15 * len(places)))):
        labels[place], choice = ids[place], rng.random()
        ids[place] = MASK if choice < 0.8 else rng.randrange(5, len(VOCABULARY)) if choice < 0.9 else ids[place]
    return ids, labels


def pretraining_batch(rng, size):
    pairs = [pretraining_example(rng) for _ in range(size)]
    batch = collate([example for example, _ in pairs])
    masked = [mask_tokens(rng, example) for example, _ in pairs]
    batch["input_ids"] = pad([ids for ids, _ in masked], PAD)
    return batch, pad([labels for _, labels in masked], IGNORED), torch.tensor([label for _, label in pairs])


def pretraining_losses(model, data):
    """(masked-LM loss, next-sentence loss, its accuracy); the decoder sees the masked places only, to save time."""
    batch, labels, next_labels = data
    output = model.bert(**batch)
    chosen = labels != IGNORED
    logits = model.cls.predictions(output.last_hidden_state[chosen])
    next_logits = model.cls.seq_relationship(output.pooler_output)
    paired = next_labels != IGNORED
    accuracy = (next_logits[paired].argmax(-1) == next_labels[paired]).double().mean().item()
    return cross_entropy(logits, labels[chosen]), cross_entropy(next_logits, next_labels, ignore_index=IGNORED), accuracy


# ---- training


def train(model, make_batch, loss_of, steps, rate, rng, batch_size, name):
    """AdamW, warm-up over a twentieth, then linear decay; returns the training loss averaged over each tenth."""
    decay = [value for key, value in model.named_parameters() if not key.endswith(("bias", "LayerNorm.weight"))]
    plain = [value for key, value in model.named_parameters() if key.endswith(("bias", "LayerNorm.weight"))]
    groups = [{"params": decay, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=rate, foreach=False)
    warmup = max(1, steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warmup, max(0.0, (steps - step) / (steps - warmup)))
    )
    curve, total = [], 0.0
    for step in range(steps):
        loss = loss_of(model, make_batch(rng, batch_size))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        total += loss.item()
        if (step + 1) % (steps // 10) == 0:
            curve.append(round(total / (steps // 10), 4))
            total = 0.0
            print(f"{name}: step {step + 1} of {steps}, loss {curve[-1]}", flush=True)
    return curve


def config(**extra):
    # Trained without dropout: the language is generated afresh for every step, nothing can be learnt by heart.
    return transformers.BertConfig(
        vocab_size=len(VOCABULARY), hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=256,
        max_position_embeddings=POSITIONS, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **extra,
    )  # fmt: skip


def save(folder, model, record):
    """The model directory. The config says dropout 0.1, as every published one, for whoever trains on."""
    clear_folder(folder)
    model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.1
    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.0
    write_text(folder / "vocab.txt", "".join(token + "\n" for token in VOCABULARY))
    settings = {"do_lower_case": True, "model_max_length": POSITIONS, "tokenizer_class": "BertTokenizer"}
    write_json(folder / "tokenizer_config.json", settings)
    write_json(folder / "training.json", {"seed": SEED, "versions": versions(), "threads": 1, "dropout": 0.0} | record)


def pretrain(folder):
    torch.manual_seed(SEED)
    steps, size, rate = 5000, 64, 2e-3
    model = transformers.BertForPreTraining(config())

    def loss_of(model, data):
        masked, following, _ = pretraining_losses(model, data)
        return masked + following

    model.train()
    curve = train(model, pretraining_batch, loss_of, steps, rate, random.Random(SEED), size, "toy")
    model.eval()
    with torch.no_grad():
        held_out = random.Random(SEED + 1)
        found = [pretraining_losses(model, pretraining_batch(held_out, 256)) for _ in range(8)]
    averages = [round(float(sum(values)) / len(found), 4) for values in zip(*found)]
    record = {"steps": steps, "batch_size": size, "learning_rate": rate, "training_loss_by_tenths": curve}
    names = ("held_out_masked_lm_loss", "held_out_next_sentence_loss", "held_out_next_sentence_accuracy")
    save(folder, model, record | dict(zip(names, averages)))


def classify_batch(rng, size):
    labels = [rng.randrange(3) for _ in range(size)]
    examples = [Example(ended(rng, language.words_of(language.opinion(rng, language.OPINIONS[label])))) for label in labels]
    return collate(examples), torch.tensor(labels)


def tagged_sentence(rng):
    """(words, a label for each word)."""
    def person():
        return language.person_name(rng, unknown=0.5, surname=0.4)[0]

    def town():
        return language.town_name(rng, unknown=0.5, two_words=0.3)

    verb, plain = rng.choice(["sees", "likes", "teaches", "helps"]), ("O", None)
    subject = (person(), "PER") if rng.random() < 0.7 else (language.random_subject(rng, names=0).words, None)
    forms = [
        [subject, (["lives", "in"], None), (town(), "LOC")],
        [subject, ([verb], None), (person(), "PER"), (["in"], None), (town(), "LOC")],
        [subject, ([verb], None), (person(), "PER")],
        [(person(), "PER"), (["and"], None), (person(), "PER"), (["live", "in"], None), (town(), "LOC")],
        [(town(), "LOC"), (["is", rng.choice(language.GOOD + ["big", "old"])], None)],
        [(language.words_of(language.one_sentence(rng, language.random_subject(rng, names=0))), None)],
    ]
    words, labels = [], []
    for part, kind in rng.choice(forms):
        words += part
        labels += ["O" if kind is None else ("B-" if index == 0 else "I-") + kind for index in range(len(part))]
    return (words + ["."], labels + ["O"]) if rng.random() < 0.8 else (words, labels)


def tag_batch(rng, size):
    """Every piece carries its word's label (B- only on the first piece), so that every piece is predicted sensibly."""
    examples, labels = [], []
    for _ in range(size):
        words, tags = tagged_sentence(rng)
        example = Example(words)
        row, previous = [], None
        for word in example.words:
            tag = tags[word] if word >= 0 else None
            row.append(IGNORED if tag is None else NAMED_ENTITIES.index("I-" + tag[2:] if word == previous and tag != "O" else tag))
            previous = word
        examples.append(example)
        labels.append(row)
    return collate(examples), pad(labels, IGNORED)


def question_example(rng):
    """(example, first and last place of the answer): a question about one of two to five sentences."""
    sentences = []
    while len(sentences) < rng.choice([1, 2, 3, 4, 5]):
        subject = language.random_subject(rng, adjectives=0.15)
        if all(subject.words[-1] != other[0].words[-1] for other in sentences):
            sentences.append((subject, language.tellable(rng, subject)))
    chosen = rng.randrange(len(sentences))
    question, wanted = language.question_about(rng, sentences[chosen][1])
    context, answer = [], []
    for index, (_, sentence) in enumerate(sentences):
        answer += [len(context) + place for place, (_, name) in enumerate(sentence) if index == chosen and name == wanted]
        context += language.words_of(sentence) + ["."]
    example = Example(question, context)
    places = [place for place, word in enumerate(example.words) if example.types[place] == 1 and word in answer]
    return (example, places[0], places[-1]) if places else question_example(rng)


def answer_batch(rng, size):
    rows = [question_example(rng) for _ in range(size)]
    return collate([row[0] for row in rows]), torch.tensor([row[1:] for row in rows])


def answer_loss(model, data):
    batch, places = data
    output = model(**batch)
    hidden = batch["attention_mask"] == 0
    start, end = (logits.masked_fill(hidden, -1e4) for logits in (output.start_logits, output.end_logits))
    return (cross_entropy(start, places[:, 0]) + cross_entropy(end, places[:, 1])) / 2


def answer_accuracy(model, data):
    batch, places = data
    output = model(**batch)
    hidden = batch["attention_mask"] == 0
    found = [logits.masked_fill(hidden, -1e4).argmax(-1) for logits in (output.start_logits, output.end_logits)]
    return ((found[0] == places[:, 0]) & (found[1] == places[:, 1])).double().mean().item()


def labels_loss(model, data):
    logits = model(**data[0]).logits
    return cross_entropy(logits.reshape(-1, logits.shape[-1]), data[1].reshape(-1), ignore_index=IGNORED)


def labels_accuracy(model, data):
    predicted, labels = model(**data[0]).logits.argmax(-1), data[1]
    counted = labels != IGNORED
    return (predicted[counted] == labels[counted]).double().mean().item()


def fine_tune(source, folder, name, head, make_batch, loss_of, accuracy_of, steps, seed):
    torch.manual_seed(seed)
    size, rate = 64, 1e-3
    model, info = head.from_pretrained(source, attn_implementation="eager", output_loading_info=True)
    model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.0
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    model.train()
    curve = train(model, make_batch, loss_of, steps, rate, random.Random(seed), size, name)
    model.eval()
    with torch.no_grad():
        accuracy = accuracy_of(model, make_batch(random.Random(seed + 1), 1000))
    record = {"steps": steps, "batch_size": size, "learning_rate": rate, "training_loss_by_tenths": curve}
    record |= {"new_parameters": sorted(info["missing_keys"]), "held_out_accuracy": round(accuracy, 4), "started_from": "toy"}
    save(folder, model, record)


def labelled(head, labels):
    """A head's class whose from_pretrained knows the labels."""
    class Head:
        @staticmethod
        def from_pretrained(source, **options):
            ids = {label: index for index, label in enumerate(labels)}
            return head.from_pretrained(source, id2label=dict(enumerate(labels)), label2id=ids, **options)

    return Head


TEXTS = {
    "toy": [("the dog [MASK] the man.",), ("the woman reads the book.", "she likes it."), ("where is the cow ?", "the cow is in the field.")],
    "toy-classify": [("the bread is not good.",), ("i love the garden",), ("the dog sleeps in the house.",)],
    "toy-tag": [("tom lives in new ashton.",), ("mary peterson sees john",), ("the cat drinks the milk.",)],
    "toy-answer": [("who bites the man ?", "the dog bites the man."), ("where is the cow ?", "the cow is in the field.")],
}  # fmt: skip


def write_outputs(folder):
    """reference.safetensors and pipelines.json from the files as they lie there."""
    model, info = load_model(folder)
    assert not any(info.values()), info
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    texts = TEXTS[folder.name]
    columns = [list(column) for column in zip(*[(text + (None,))[:2] for text in texts])]
    encoded = [tokenizer(first, second) for first, second in zip(*columns)]
    batch = {
        name: pad([list(row[name]) for row in encoded], 0)
        for name in ("input_ids", "token_type_ids", "attention_mask")
    }
    write_tensors(folder / "reference.safetensors", reference_tensors(model, batch))
    write_pipelines(folder, model, tokenizer)


def make_weights(out):
    toy = out / "toy"
    pretrain(toy)
    heads = [
        ("toy-classify", labelled(transformers.BertForSequenceClassification, language.OPINIONS), classify_batch, labels_loss, labels_accuracy, 500),
        ("toy-tag", labelled(transformers.BertForTokenClassification, NAMED_ENTITIES), tag_batch, labels_loss, labels_accuracy, 700),
        ("toy-answer", transformers.BertForQuestionAnswering, answer_batch, answer_loss, answer_accuracy, 2500),
    ]  # fmt: skip
    for index, (name, head, make_batch, loss_of, accuracy_of, steps) in enumerate(heads):
        fine_tune(toy, out / name, name, head, make_batch, loss_of, accuracy_of, steps, SEED + 10 * (index + 1))


if __name__ == "__main__":
    destination = fixtures_folder()
    if "--only-outputs" not in sys.argv:
        make_weights(destination)
    for name in TEXTS:
        write_outputs(destination / name)
