"""Has transformers answer with a model that our program fine-tuned, and compares with what our program answers.

    check_finetuned.py DIR TEXTS ANSWERS    compares
    check_finetuned.py --data FOLDER        writes small files to fine-tune with, and texts to ask about

DIR is a directory that `bert finetune` saved, TEXTS the lines that `bert classify`, `bert tag` or `bert answer` (or the same
with --pairs: two texts and a TAB) was given on its standard input, ANSWERS what it printed with --json, a line for each text.
What the model is for, DIR says.

The whole directory must be understood: no tensor missing or left over, a tokenizer, labels under names. Then the answers of
transformers' pipelines, in float64:

classify  every label, best first, with its score
tag       every entity: label, score, word, first and last character; with aggregation "none" or "simple", whichever ANSWERS has
answer    the best answers, with score, first and last character and text, by the algorithm of transformers 4 (toy_pipelines.py;
          transformers 5 has no such pipeline); a place that several windows show counts once

Scores may be 1e-5 apart; everything else is equal. Neighbours in a list whose scores are closer than that may have changed places.
"""

import argparse
import json
import pathlib
import random
import sys

from common import load_model, write_text
import toy_language as language
import toy_pipelines
import transformers

SCORE = 1e-5


# ---- data to fine-tune with -----------------------------------------------------------------


def sentence(rng):
    return language.words_of(language.one_sentence(rng, language.random_subject(rng)))


def text_table(rng, rows):
    """CSV: a text and what it thinks."""
    lines = ["text,label"]
    for _ in range(rows):
        label = rng.choice(language.OPINIONS)
        lines.append(f'"{" ".join(language.words_of(language.opinion(rng, label)))}",{label}')
    return "\n".join(lines) + "\n"


def tagged(rng, sentences):
    """CoNLL: who helps whom where."""
    blocks = []
    for _ in range(sentences):
        rows = []
        for words, kind in (
            (language.person_name(rng, 0.5, 0.4)[0], "PER"), (["helps"], None), (language.person_name(rng, 0.5, 0.4)[0], "PER"),
            (["in"], None), (language.town_name(rng, 0.5, 0.3), "LOC"), (["."], None),
        ):  # fmt: skip
            rows += [(word, "O" if kind is None else ("B-" if place == 0 else "I-") + kind) for place, word in enumerate(words)]
        blocks.append("".join(f"{word}\t{tag}\n" for word, tag in rows))
    return "\n".join(blocks)


def asked(rng, number):
    """A question, a context of several sentences, and the answer with its place."""
    told = language.tellable(rng, language.random_subject(rng, adjectives=0.0))
    question, role = language.question_about(rng, told)
    answer = " ".join(word for word, found in told if found == role)
    before = " ".join(sentence(rng) + ["."]) + " " if rng.random() < 0.5 else ""
    own = " ".join(language.words_of(told))
    context = f"{before}{own} . " + " ".join(sentence(rng) + ["."])
    answers = [{"text": answer, "answer_start": len(before) + own.index(answer)}]
    return {"context": context, "qas": [{"id": f"q{number}", "question": " ".join(question), "answers": answers}]}


def write_data(folder):
    rng = random.Random(53)
    write_text(folder / "texts.csv", text_table(rng, 200))
    write_text(folder / "tags.conll", tagged(rng, 200))
    questions = [asked(rng, number) for number in range(200)]
    write_text(folder / "questions.json", json.dumps({"version": "1.1", "data": [{"title": "t", "paragraphs": questions}]}))
    plain = [text for text in toy_pipelines.CLASSIFY + toy_pipelines.TAG]
    write_text(folder / "texts.txt", "".join(text + "\n" for text in plain))
    pairs = [(question, context) for question, context, _ in toy_pipelines.ANSWER]
    write_text(folder / "questions.txt", "".join(f"{question}\t{context}\n" for question, context in pairs))


# ---- what transformers answers ---------------------------------------------------------------


def classify(model, tokenizer, texts, answers):
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    # A list within a list is asked for: a dict by itself would come back as one label.
    inputs = [{"text": text[0], "text_pair": text[1]} if len(text) > 1 else text[0] for text in texts]
    return [pipe([one], top_k=None)[0] for one in inputs]


def tag(model, tokenizer, texts, answers):
    entities = [entity for line in answers for entity in line]
    strategy = "none" if entities and "entity" in entities[0] else "simple"
    pipe = transformers.pipeline("token-classification", model=model, tokenizer=tokenizer, device="cpu")
    return [pipe(text[0], aggregation_strategy=strategy) for text in texts]


def answer(model, tokenizer, texts, answers):
    top_k, expected = max(map(len, answers)), []
    for question, context in texts:
        case = toy_pipelines.answer(model, tokenizer, question, context, top_k=top_k)
        places = {}
        for found in case["answers_apart"]:
            places.setdefault((found["start"], found["end"]), found)
        expected.append(list(places.values()))
    return expected


TASKS = {
    "BertForSequenceClassification": classify,
    "BertForTokenClassification": tag,
    "BertForQuestionAnswering": answer,
}


# ---- comparison -----------------------------------------------------------------------------


def same(ours, theirs):
    """One answer of each."""
    if ours.keys() != theirs.keys():
        return False
    rest = [key for key in ours if key != "score"]
    return all(ours[key] == theirs[key] for key in rest) and abs(ours["score"] - theirs["score"]) <= SCORE


def difference(ours, theirs, may_be_longer):
    """What is wrong with the answers to one text; none if nothing is."""
    if len(ours) != len(theirs) and not (may_be_longer and len(ours) > len(theirs)):
        return f"{len(ours)} answers, transformers has {len(theirs)}"
    for place, expected in enumerate(theirs):
        near = [one for one in ours if abs(one["score"] - expected["score"]) <= 2 * SCORE]
        if not same(ours[place], expected) and not any(same(one, expected) for one in near):
            return f"answer {place + 1} is {ours[place]}, transformers has {expected}"
    return None


def check(folder, texts, answers):
    model, info = load_model(folder)
    left = {kind: sorted(names) for kind, names in info.items() if names}
    if left:
        sys.exit(f"{folder}: transformers does not understand all of it: {left}")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    texts = [line.split("\t") for line in texts.read_text(encoding="utf-8").splitlines()]
    answers = [json.loads(line) for line in answers.read_text(encoding="utf-8").splitlines()]
    if len(texts) != len(answers) or not any(answers):
        sys.exit(f"{len(texts)} texts, {len(answers)} lines of answers, {sum(map(len, answers))} answers")
    name = type(model).__name__
    expected = toy_pipelines.plain(TASKS[name](model, tokenizer, texts, answers))
    # transformers lists a place once for each window that shows it, and only then cuts the list.
    wrong = [(text, difference(a, b, name == "BertForQuestionAnswering")) for text, a, b in zip(texts, answers, expected)]
    for text, problem in wrong:
        if problem:
            print(f"{' | '.join(text)}: {problem}", file=sys.stderr)
    if any(problem for _, problem in wrong):
        sys.exit(1)
    scores = [abs(a["score"] - b["score"]) for ours, theirs in zip(answers, expected) for a, b in zip(ours, theirs)]
    print(f"{folder}: {name}: {len(texts)} texts, {len(scores)} answers are the same; scores at most {max(scores):.1e} apart")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("files", type=pathlib.Path, nargs="*", metavar="DIR TEXTS ANSWERS")
    args = parser.parse_args()
    if args.data:
        write_data(args.data)
    elif len(args.files) == 3:
        check(*args.files)
    else:
        parser.error("DIR TEXTS ANSWERS are wanted")


if __name__ == "__main__":
    main()
