"""Writes pipelines.json of a toy model: what transformers' pipelines answer, in float64, for our commands to be judged by.

transformers 5 has no question-answering pipeline any more. `answer` below restates the published algorithm of the one
in transformers 4 (pipelines/question_answering.py), and both of its endings: late versions add up the scores of equal
answer texts (any case, any window), so that a score can pass 1 (`answers`); earlier ones kept them apart
(`answers_apart`).
"""

import math

import numpy
import torch
import transformers
from common import write_json

FILL_MASK = [
    "the dog [MASK] the man.",
    "the [MASK] bites the man.",
    "the man bites the [MASK]",
    "The Bird [MASK] in the forest!",
    "the woman reads the [MASK].",
    "the [MASK] is in the field.",
    "anna lives in [MASK].",
    "the boy kicks the ball. [MASK] is happy.",
    "the [MASK] drinks the [MASK].",
    "the [MASK] chases the [MASK] in the [MASK].",
]
TARGETS = [("the dog [MASK] the man.", ["bites", "sings", "feeds"]), ("the [MASK] bites the man.", ["man", "dog"])]
CLASSIFY = [
    "the bread is good.",
    "the bread is not good.",
    "The garden is very beautiful!",
    "i do not like the soup",
    "she hates the city.",
    "the dog sleeps in the house.",
    "the farmer feeds the cow",
    "the song is not terrible",
]
TAG = [
    "tom lives in london.",
    "Mary Peterson lives in New Ashton.",
    "the woman sees John Hasuman in north Rivalford.",
    "anna and max live in oslo",
    "paris is beautiful.",
    "Émma  lives in  Ravénville .",
    "the dog bites the man.",
    "lucy helps Beka Tomson in Kalimarland, and peter helps clara 漢.",
    "tomville helps londonson in johnland",  # pieces that point both ways: here the strategies differ
    "the Dogson of berlinman sees newberg-romeo",
    "anna anna lives in new london london.",
]
DOGS = "the dog bites the man in the garden. the cat drinks the milk in the kitchen. the bird sings in the forest."
LONG = (
    "the farmer feeds the cow in the field. the queen writes the letter in the castle. the boy kicks the ball in the "
    "street. the dog bites the man in the garden. the baker sells the bread at the market. the sailor sees the ship. "
    "the girl reads the book at school. the fox chases the sheep. the child eats the cake in the kitchen. "
    "the teacher teaches the boy. the mouse is in the house. the king drinks the wine."
)
# question, context, options of the pipeline
ANSWER = [
    ("who bites the man?", "the dog bites the man.", {}),
    ("Who bites the man ?", DOGS, {}),
    ("what does the cat drink?", DOGS, {"top_k": 3}),
    ("where does the bird sing?", DOGS, {"top_k": 3}),
    ("where is Anna?", "Anna is in the kitchen. the dog is in the garden.", {"top_k": 3}),
    ("who bites the man?", LONG, {"top_k": 3, "max_seq_len": 32, "doc_stride": 8}),
    ("who writes the letter?", LONG, {"top_k": 3, "max_seq_len": 32, "doc_stride": 16}),
    ("where does the child eat the cake?", LONG, {"top_k": 3, "max_seq_len": 48, "doc_stride": 24}),
    ("what does the baker sell?", LONG, {"top_k": 3}),
    ("where does the boy kick the ball?", LONG, {"top_k": 3, "max_seq_len": 40, "doc_stride": 12, "max_answer_len": 3}),
]


def plain(value):
    """numpy and tensor scalars as Python's own; floats to 10 places, so that the file reads well."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, (numpy.generic, torch.Tensor)):
        value = value.item()
    return round(value, 10) if isinstance(value, float) else value


def fill_mask(model, tokenizer):
    masked = transformers.BertForMaskedLM.from_pretrained(model.name_or_path, dtype=torch.float64, attn_implementation="eager")
    pipe = transformers.pipeline("fill-mask", model=masked.eval(), tokenizer=tokenizer, device="cpu")
    cases = [{"text": text, "top_k": 5, "results": pipe(text, top_k=5)} for text in FILL_MASK]
    for text, targets in TARGETS:
        cases.append({"text": text, "targets": targets, "results": pipe(text, targets=targets)})
    return cases


def classify(model, tokenizer):
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    return [{"text": text, "results": pipe([text], top_k=None)[0]} for text in CLASSIFY]


def tag(model, tokenizer):
    pipe = transformers.pipeline("token-classification", model=model, tokenizer=tokenizer, device="cpu")
    strategies = ["none", "simple", "first", "average", "max"]
    return [
        {"text": text} | {strategy: pipe(text, aggregation_strategy=strategy) for strategy in strategies} for text in TAG
    ]


def softmax(logits):
    exponentials = numpy.exp(logits - logits.max())
    return exponentials / exponentials.sum()


def window_spans(start, end, allowed, top_k, max_answer_len):
    """The best (score, first token, last token) of one window.

    Tokens that may not be in an answer get the logit -10000 before the softmax; [CLS] takes part in the softmax, and
    its probability is set to zero after it. Of all pairs with first <= last < first + max_answer_len the top_k are
    kept, and of those only the ones that lie on allowed tokens.
    """
    start, end = (softmax(numpy.where(allowed, logits, -10000.0)) for logits in (start, end))
    start[0] = end[0] = 0.0
    first, last = numpy.meshgrid(numpy.arange(len(start)), numpy.arange(len(end)), indexing="ij")
    scores = numpy.where((first <= last) & (last - first < max_answer_len), start[:, None] * end[None, :], 0.0)
    order = numpy.argsort(-scores, axis=None, kind="stable")[:top_k]
    places = [numpy.unravel_index(index, scores.shape) for index in order]
    return [(scores[place], *map(int, place)) for place in places if allowed[place[0]] and allowed[place[1]]]


def windows_of(tokenizer, question, context, max_seq_len, doc_stride):
    """Overlapping windows over the context; doc_stride is the overlap. All have the question in full."""
    return tokenizer(
        question,
        context,
        truncation="only_second",
        max_length=max_seq_len,
        stride=doc_stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )


def answer(model, tokenizer, question, context, top_k=1, max_answer_len=15, max_seq_len=None, doc_stride=None):
    """One case of question answering: every window, the answers with equal texts added up, and apart."""
    max_seq_len = max_seq_len or min(tokenizer.model_max_length, 384)
    doc_stride = doc_stride or min(max_seq_len // 2, 128)
    encoded = windows_of(tokenizer, question, context, max_seq_len, doc_stride)
    apart, windows = [], []
    for index, ids in enumerate(encoded["input_ids"]):
        kinds = torch.tensor([encoded["token_type_ids"][index]])
        with torch.no_grad():
            output = model(input_ids=torch.tensor([ids]), token_type_ids=kinds)
        encoding = encoded[index]
        # The context's tokens may answer; [CLS] stays in the softmax.
        allowed = numpy.array([kind == 1 or token == tokenizer.cls_token_id for kind, token in zip(encoding.sequence_ids, ids)])
        offsets = [encoding.offsets[place] for place, kind in enumerate(encoding.sequence_ids) if kind == 1]
        windows.append({"tokens": len(ids), "start": offsets[0][0], "end": offsets[-1][1]})
        logits = output.start_logits[0].numpy(), output.end_logits[0].numpy()
        for score, first, last in window_spans(*logits, allowed, top_k, max_answer_len):
            apart.append(answer_at(encoding, context, score, first, last))
    case = {"question": question, "context": context, "top_k": top_k, "max_seq_len": max_seq_len, "doc_stride": doc_stride}
    case |= {"max_answer_len": max_answer_len, "windows": windows}
    return case | {"answers": best(added_up(apart), top_k), "answers_apart": best(apart, top_k)}


def answer_at(encoding, context, score, first, last):
    """Tokens as characters of the context, widened to whole words."""
    start = encoding.word_to_chars(encoding.token_to_word(first), 1)[0]
    end = encoding.word_to_chars(encoding.token_to_word(last), 1)[1]
    return {"score": float(score), "start": start, "end": end, "answer": context[start:end]}


def added_up(answers):
    """Equal texts become one answer, the first one met, with the sum of the scores."""
    texts = {}
    for found in answers:
        same = texts.setdefault(found["answer"].lower(), found | {"score": 0.0})
        same["score"] += found["score"]
    return list(texts.values())


def best(answers, top_k):
    return sorted(answers, key=lambda found: -found["score"])[:top_k]


def write_pipelines(folder, model, tokenizer):
    """pipelines.json: {"task", "cases"} for what the model in `folder` is for."""
    name = type(model).__name__
    if name == "BertForPreTraining":
        task, cases = "fill-mask", fill_mask(model, tokenizer)
    elif name == "BertForSequenceClassification":
        task, cases = "text-classification", classify(model, tokenizer)
    elif name == "BertForTokenClassification":
        task, cases = "token-classification", tag(model, tokenizer)
    else:
        task = "question-answering"
        cases = [answer(model, tokenizer, question, context, **options) for question, context, options in ANSWER]
    assert not any(math.isnan(score) for score in scores_in(cases))
    write_json(folder / "pipelines.json", {"task": task, "transformers": transformers.__version__, "dtype": "float64", "cases": plain(cases)})


def scores_in(value):
    """Every score anywhere in the cases."""
    if isinstance(value, dict):
        yield from ([value["score"]] if "score" in value else [])
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for inner in value:
            yield from scores_in(inner)
