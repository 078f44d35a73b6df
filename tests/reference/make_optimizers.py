"""Makes tests/fixtures/optimizers/: what torch.optim and Google's formula do in 10 steps, and tables of schedules.

    python tests/reference/make_optimizers.py [--out DIR]

optimizers.safetensors: eight small tensors NAME with transformers' names, and
    parameters.NAME [...] f32           where each run begins
    gradients.NAME [10, ...] f32        the gradient of each step, before clipping
    RUN.NAME [10, ...] f64              the parameters after each step
    RUN.first.NAME, RUN.second.NAME     Adam's moments at the end (SGD: first is the momentum buffer), f64
    RUN.norms, RUN.rates [10] f64       the length of the whole gradient before clipping; the learning rate
Everything is computed in float64, from parameters and gradients that are exact in float32. The runs:
    sgd               torch.optim.SGD with momentum
    adamw             torch.optim.AdamW, decay groups by name, clip_grad_norm_, get_linear_schedule_with_warmup
    adamw_one_cycle   torch.optim.AdamW, rate and beta1 set to the one-cycle table before each step
    google            AdamWeightDecayOptimizer of google-research/bert by its formula in numpy, clipped as by
                      tf.clip_by_global_norm, learning rate as in its create_optimizer

optimizers.json: the settings of each run; `schedules`, tables of the factor (and momentum) of each step: constant, linear
and cosine from transformers, Google's linear and the one-cycle by their formulas; `decay` and `no_decay`, the parameters
of transformers' models by the rule of its Trainer, which is checked against Google's here.
"""

import json
import math
import re

from common import clear_folder, fixtures_folder, versions, write_tensors, write_text
import make_fixtures
import numpy
import torch
import transformers
from torch.optim.lr_scheduler import LambdaLR

SEED = 1412
STEPS = 10
SHAPES = {
    "bert.embeddings.word_embeddings.weight": (11, 5),
    "bert.embeddings.LayerNorm.weight": (5,),
    "bert.embeddings.LayerNorm.bias": (5,),
    "bert.encoder.layer.0.attention.self.query.weight": (7, 5),
    "bert.encoder.layer.0.attention.self.query.bias": (7,),
    "bert.encoder.layer.0.attention.output.LayerNorm.weight": (5,),
    "bert.encoder.layer.0.attention.output.LayerNorm.bias": (5,),
    "cls.predictions.bias": (11,),
}
SETTINGS = {
    "sgd": {"learning_rate": 0.05, "momentum": 0.9},
    "adamw": {"learning_rate": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.1, "max_norm": 1.0, "warm_up": 3},
    "adamw_one_cycle": {"learning_rate": 0.02, "beta2": 0.98, "eps": 1e-6, "weight_decay": 0.01},
    "google": {"learning_rate": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-6, "weight_decay": 0.01, "max_norm": 1.0, "warm_up": 4},
}


def google_decays(name):
    """AdamWeightDecayOptimizer._do_use_weight_decay with create_optimizer's exclude_from_weight_decay."""
    return not any(re.search(pattern, name) for pattern in ("LayerNorm", "layer_norm", "bias"))


def start():
    """Parameters and gradients; some steps are longer than 1 as a whole and some are shorter."""
    generator = torch.Generator().manual_seed(SEED)
    draw = lambda shape: torch.randn(shape, generator=generator)
    parameters = {name: 0.25 * draw(shape) for name, shape in SHAPES.items()}
    sizes = torch.tensor([0.02, 0.5, 0.05, 0.001, 2.0, 0.05, 0.03, 1.0, 0.2, 0.04])
    gradients = {name: draw((STEPS, *shape)) for name, shape in SHAPES.items()}
    for name in gradients:
        gradients[name] *= sizes.reshape(-1, *[1] * len(SHAPES[name]))
    # A row of the word table whose word never occurs: no gradient at all.
    gradients["bert.embeddings.word_embeddings.weight"][:, 3] = 0
    return parameters, gradients


# ---- schedules ------------------------------------------------------------------------------


def from_transformers(make, steps):
    """The factors that a schedule of transformers gives an optimizer with learning rate 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    found = []
    for _ in range(steps):
        found.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return found


def google_linear(step, warm_up, total):
    """create_optimizer: polynomial_decay to 0 with power 1, replaced by lr * step / warm_up within the warm-up."""
    return step / warm_up if step < warm_up else 1 - min(step, total) / total


def one_cycle(step, total):
    """Smith 2018: a triangle from 1/10 to 1 and back over 90 % of the steps, then down to 1/1000; the momentum against it."""
    points = [0, 0.45 * total, 0.9 * total, total]
    return numpy.interp(step, points, [0.1, 1, 0.1, 0.001]), numpy.interp(step, points, [0.95, 0.85, 0.95, 0.95])


def schedules():
    get_linear, get_cosine = transformers.get_linear_schedule_with_warmup, transformers.get_cosine_schedule_with_warmup
    yield {"schedule": "constant", "factors": from_transformers(transformers.get_constant_schedule, 5)}
    for warm_up, total in [(0, 10), (3, 10), (10, 10), (7, 61), (1, 1)]:
        both = {"warm_up": warm_up, "total": total}
        linear = lambda optimizer: get_linear(optimizer, warm_up, total)
        yield {"schedule": "linear"} | both | {"factors": from_transformers(linear, total + 5)}
        # Only up to the end: after it transformers' wave rises again, ours does not.
        cosine = lambda optimizer: get_cosine(optimizer, warm_up, total)
        if warm_up < total:
            yield {"schedule": "cosine"} | both | {"factors": from_transformers(cosine, total + 1)}
        google = [google_linear(step, warm_up, total) for step in range(total + 5)]
        yield {"schedule": "google_linear"} | both | {"factors": google}
    for total in (1, 10, 37, 200):
        factors, momentum = zip(*(one_cycle(step, total) for step in range(total + 5)))
        yield {"schedule": "one_cycle", "total": total, "factors": list(map(float, factors)), "momentum": list(map(float, momentum))}


# ---- runs -----------------------------------------------------------------------------------


def record(run, steps, norms, rates, first, second):
    found = {f"{run}.{name}": torch.stack([step[name] for step in steps]) for name in SHAPES}
    found |= {f"{run}.first.{name}": value for name, value in first.items()}
    found |= {f"{run}.second.{name}": value for name, value in second.items()}
    as_tensor = lambda values: torch.tensor(values, dtype=torch.float64)
    return found | {f"{run}.norms": as_tensor(norms), f"{run}.rates": as_tensor(rates)}


def torch_run(run, start_parameters, gradients, make, prepare, schedule, max_norm=math.inf):
    """`make` an optimizer of the two groups, `prepare(optimizer, step)` before each step, the schedule after it."""
    parameters = {name: value.double().requires_grad_() for name, value in start_parameters.items()}
    group = lambda which: [value for name, value in parameters.items() if google_decays(name) == which]
    optimizer = make(group(True), group(False))
    scheduler = schedule(optimizer)
    steps, norms, rates = [], [], []
    for step in range(STEPS):
        for name, value in parameters.items():
            value.grad = gradients[name][step].double()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters.values(), max_norm).item())
        prepare(optimizer, step)
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
        steps.append({name: value.detach().clone() for name, value in parameters.items()})
    state = lambda key: {name: optimizer.state[value][key] for name, value in parameters.items() if key in optimizer.state[value]}
    return record(run, steps, norms, rates, state("momentum_buffer") or state("exp_avg"), state("exp_avg_sq"))


def constant(optimizer):
    return LambdaLR(optimizer, lambda step: 1.0)


def sgd(parameters, gradients):
    s = SETTINGS["sgd"]
    make = lambda decay, rest: torch.optim.SGD(decay + rest, lr=s["learning_rate"], momentum=s["momentum"])
    return torch_run("sgd", parameters, gradients, make, lambda optimizer, step: None, constant)


def adamw_of(s):
    def make(decay, rest):
        groups = [{"params": decay, "weight_decay": s["weight_decay"]}, {"params": rest, "weight_decay": 0.0}]
        betas = (s.get("beta1", 0.9), s["beta2"])
        return torch.optim.AdamW(groups, lr=s["learning_rate"], betas=betas, eps=s["eps"])

    return make


def adamw(parameters, gradients):
    s = SETTINGS["adamw"]
    schedule = lambda optimizer: transformers.get_linear_schedule_with_warmup(optimizer, s["warm_up"], STEPS)
    return torch_run("adamw", parameters, gradients, adamw_of(s), lambda optimizer, step: None, schedule, s["max_norm"])


def adamw_one_cycle(parameters, gradients):
    s = SETTINGS["adamw_one_cycle"]

    def prepare(optimizer, step):
        factor, momentum = one_cycle(step, STEPS)
        for group in optimizer.param_groups:
            group["lr"], group["betas"] = s["learning_rate"] * factor, (momentum, s["beta2"])

    return torch_run("adamw_one_cycle", parameters, gradients, adamw_of(s), prepare, constant)


def google(start_parameters, gradients):
    """apply_gradients, line by line, on numpy arrays in float64."""
    s = SETTINGS["google"]
    parameters = {name: value.numpy().astype(numpy.float64) for name, value in start_parameters.items()}
    first, second = ({name: numpy.zeros_like(value) for name, value in parameters.items()} for _ in range(2))
    steps, norms, rates = [], [], []
    for step in range(STEPS):
        raw = {name: value[step].numpy().astype(numpy.float64) for name, value in gradients.items()}
        norm = math.sqrt(sum((value**2).sum() for value in raw.values()))
        rate = s["learning_rate"] * google_linear(step, s["warm_up"], STEPS)
        for name in parameters:
            gradient = raw[name] * (s["max_norm"] * min(1 / norm, 1 / s["max_norm"]))
            first[name] = s["beta1"] * first[name] + (1 - s["beta1"]) * gradient
            second[name] = s["beta2"] * second[name] + (1 - s["beta2"]) * gradient**2
            update = first[name] / (numpy.sqrt(second[name]) + s["eps"])
            if google_decays(name):
                update += s["weight_decay"] * parameters[name]
            parameters[name] = parameters[name] - rate * update
        norms.append(norm)
        rates.append(rate)
        steps.append({name: torch.from_numpy(value.copy()) for name, value in parameters.items()})
    as_torch = lambda values: {name: torch.from_numpy(value) for name, value in values.items()}
    return record("google", steps, norms, rates, as_torch(first), as_torch(second))


# ---- names ----------------------------------------------------------------------------------


def names():
    """(decay, no decay): the parameters of transformers' models by its Trainer's rule."""
    decay, rest = set(), set()
    heads = ("PreTraining", "MaskedLM", "NextSentencePrediction", "SequenceClassification", "TokenClassification")
    for head in heads + ("QuestionAnswering", "MultipleChoice"):
        config = transformers.BertConfig(**make_fixtures.TINY)
        model = getattr(transformers, f"BertFor{head}")(config)
        decaying = set(transformers.Trainer.get_decay_parameter_names(None, model))
        for name, _ in model.named_parameters():
            assert (name in decaying) == google_decays(name), name
            (decay if name in decaying else rest).add(name)
    return sorted(decay), sorted(rest)


def main():
    out = fixtures_folder() / "optimizers"
    clear_folder(out)
    parameters, gradients = start()
    tensors = {f"parameters.{name}": value for name, value in parameters.items()}
    tensors |= {f"gradients.{name}": value for name, value in gradients.items()}
    for run in (sgd, adamw, adamw_one_cycle, google):
        tensors |= run(parameters, gradients)
    write_tensors(out / "optimizers.safetensors", tensors)
    decay, no_decay = names()
    lines = lambda values: "[\n    " + ",\n    ".join(json.dumps(value) for value in values) + "\n  ]"
    parts = {"versions": json.dumps(versions()), "runs": json.dumps(SETTINGS), "schedules": lines(schedules())}
    parts |= {"decay": lines(decay), "no_decay": lines(no_decay)}
    text = ",\n".join(f"  {json.dumps(name)}: {value}" for name, value in parts.items())
    write_text(out / "optimizers.json", "{\n" + text + "\n}\n")
    clipped = [norm > 1 for norm in tensors["adamw.norms"].tolist()]
    assert 2 < sum(clipped) < 8, clipped
    print(f"optimizers: {len(SETTINGS)} runs of {STEPS} steps, {sum(clipped)} of them clipped; {len(decay)} + {len(no_decay)} names")


if __name__ == "__main__":
    main()
