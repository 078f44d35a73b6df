"""Makes tests/fixtures/training/: ten training steps in float64, by PyTorch and by Google's formula.

    python tests/reference/make_training.py [--out DIR]

Each NAME.safetensors is one run, training.json says under runs.NAME: model (its folder in tests/fixtures), optimizer, lr,
betas, eps, weight_decay, warmup_steps, total_steps, max_grad_norm, schedule. In a file:

    step.K.input_ids, step.K.token_type_ids, step.K.attention_mask   [B, S] int64, K = 0..9, another shape each step
    step.K.labels, step.K.next_sentence_label                        int64, what the head has (as in gradients.safetensors)
    losses [10], norms [10], rates [10]   f32: each step's loss before it, the gradients' norm before clipping, the rate
    final.NAME                            f32: every parameter after the last step

Dropout is off. Decay leaves out biases and LayerNorm. Two optimizers:

adamw        torch.optim.AdamW, clip_grad_norm_, transformers' get_linear_schedule_with_warmup.
google_adam  google-research/bert's optimization.py: m and v as in Adam but without bias correction, eps added to sqrt(v),
             decay added to the update before the rate; tf.clip_by_global_norm; its linear decay runs from step 0 and
             warm-up replaces it while step < warmup_steps.

Both schedules give the first step the rate 0. clip_grad_norm_ divides by norm + 1e-6, clip_by_global_norm by the norm.
"""

import make_fixtures
from common import clear_folder, fixtures_folder, load_model, versions, write_json, write_tensors
from gradients import FLOOR, IGNORED, forward, norm, rounded
from make_fixtures import row
from make_gradients import model_folder
import torch
import transformers

STEPS = 10
MASK_ID = 4
ROWS = [[row(8), row(3), row(5)], [row(6), row(6)], [row(2), row(9), row(4), row(7)]]  # used in turn
NO_DECAY = ("bias", "LayerNorm.weight")
SCHEDULE = {"warmup_steps": 3, "total_steps": 12}
TORCH = {"optimizer": "adamw", "betas": [0.9, 0.999], "eps": 1e-8, "schedule": "linear over the steps after warm-up"}
GOOGLE = {"optimizer": "google_adam", "betas": [0.9, 0.999], "eps": 1e-6, "schedule": "linear from step 0"}
RUNS = {
    "adamw": {"model": "parity/even-pretraining", **TORCH, "lr": 2e-2, "max_grad_norm": 5.0},
    "google_adam": {"model": "parity/even-pretraining", **GOOGLE, "lr": 1e-2, "max_grad_norm": 5.0},
    "adamw-classify": {"model": "parity/tiny-classify-two", **TORCH, "lr": 1e-2, "max_grad_norm": 1.5},
}
RUNS = {name: run | {"weight_decay": 0.01} | SCHEDULE for name, run in RUNS.items()}
# What ours in float32 is held to; PyTorch's float32 must stay well inside.
LOSS_LIMIT, FINAL_LIMIT = 1e-5, 1e-4


def make_step(model, step):
    """(inputs, labels): few different words, so that ten steps learn something from batches that all differ."""
    seed = 4000 + step
    generator = torch.Generator().manual_seed(seed)
    batch = make_fixtures.make_batch(ROWS[step % len(ROWS)], model.config, seed)
    words = 5 + batch["input_ids"] % 12
    batch["input_ids"] = words.clone()
    if type(model).__name__ == "BertForSequenceClassification":
        return batch, {"labels": words[:, 0] % 2}
    keep = batch["attention_mask"].bool()
    chosen = keep & (torch.rand(keep.shape, generator=generator) < 0.4)
    chosen[0, 1] = True
    batch["input_ids"][chosen] = MASK_ID
    next_sentence = torch.randint(0, 2, (len(keep),), generator=generator)
    return batch, {"labels": torch.where(chosen, words, IGNORED), "next_sentence_label": next_sentence}


def decays(name):
    return not name.endswith(NO_DECAY)


class TorchAdamW:
    """PyTorch's optimizer, clipping and transformers' schedule."""

    def __init__(self, model, run):
        parameters = list(model.named_parameters())
        groups = [
            {"params": [value for name, value in parameters if decays(name)], "weight_decay": run["weight_decay"]},
            {"params": [value for name, value in parameters if not decays(name)], "weight_decay": 0.0},
        ]
        self.model, self.limit = model, run["max_grad_norm"]
        betas = tuple(run["betas"])
        self.optimizer = torch.optim.AdamW(groups, lr=run["lr"], betas=betas, eps=run["eps"], foreach=False)
        self.schedule = transformers.get_linear_schedule_with_warmup(
            self.optimizer, run["warmup_steps"], run["total_steps"]
        )

    def step(self):
        """(norm before clipping, rate)"""
        total = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.limit, foreach=False)
        (rate,) = {group["lr"] for group in self.optimizer.param_groups}
        self.optimizer.step()
        self.schedule.step()
        return total.item(), rate


class GoogleAdam:
    """The formula of google-research/bert's optimization.py, written out."""

    def __init__(self, model, run):
        self.parameters = dict(model.named_parameters())
        self.run, self.steps_done = run, 0
        self.m = {name: torch.zeros_like(value) for name, value in self.parameters.items()}
        self.v = {name: torch.zeros_like(value) for name, value in self.parameters.items()}

    def rate(self):
        warmup, total, done = self.run["warmup_steps"], self.run["total_steps"], self.steps_done
        return self.run["lr"] * (done / warmup if done < warmup else 1 - done / total)

    def step(self):
        """(norm before clipping, rate)"""
        total = torch.stack([value.grad.square().sum() for value in self.parameters.values()]).sum().sqrt().item()
        limit, rate, (beta1, beta2) = self.run["max_grad_norm"], self.rate(), self.run["betas"]
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                gradient = parameter.grad * (limit / max(total, limit))
                self.m[name] = beta1 * self.m[name] + (1 - beta1) * gradient
                self.v[name] = beta2 * self.v[name] + (1 - beta2) * gradient.square()
                update = self.m[name] / (self.v[name].sqrt() + self.run["eps"])
                if decays(name):
                    update = update + self.run["weight_decay"] * parameter
                parameter.sub_(rate * update)
        self.steps_done += 1
        return total, rate


OPTIMIZERS = {"adamw": TorchAdamW, "google_adam": GoogleAdam}


def train(folder, run, dtype=torch.float64):
    """The contents of one run's file, in `dtype`."""
    model, _ = load_model(folder, dtype)
    optimizer = OPTIMIZERS[run["optimizer"]](model, run)
    contents, losses, norms, rates = {}, [], [], []
    for step in range(STEPS):
        batch, labels = make_step(model, step)
        contents |= {f"step.{step}.{name}": value for name, value in (batch | labels).items()}
        model.zero_grad()
        loss = forward(model, batch, labels).loss
        loss.backward()
        total, rate = optimizer.step()
        losses.append(loss.item())
        norms.append(total)
        rates.append(rate)
    curves = {"losses": losses, "norms": norms, "rates": rates}
    contents |= {name: torch.tensor(values, dtype=torch.float64) for name, values in curves.items()}
    return contents | {f"final.{name}": value.detach().clone() for name, value in model.named_parameters()}


def final_errors(found, expected):
    """For each parameter |found - expected| / max(|expected|, FLOOR * |all|), those with zero gradients left out.

    The key biases' gradients are zero by mathematics, and Adam turns their rounding noise into steps.
    """
    finals = {name: value for name, value in expected.items() if name.startswith("final.")}
    least = FLOOR * norm(finals.values())
    counted = {name: value for name, value in finals.items() if not name.endswith("attention.self.key.bias")}
    return {name: norm([found[name].double() - value]) / max(norm([value]), least) for name, value in counted.items()}


def check_run(name, run, expected, folder):
    """Prints how the run went, and refuses one that float32 cannot follow or that clips always or never."""
    single = train(folder, run, torch.float32)
    off = ((single["losses"] - expected["losses"]).abs() / expected["losses"]).tolist()
    error, where = max((error, tensor) for tensor, error in final_errors(single, expected).items())
    start = {f"final.{tensor}": value.detach() for tensor, value in load_model(folder)[0].named_parameters()}
    moved = final_errors(start, expected)
    clipped = int((expected["norms"] > run["max_grad_norm"]).sum())
    print(f"{name}: losses {' '.join(f'{value:.4f}' for value in expected['losses'].tolist())}")
    print(f"  norms {' '.join(f'{value:.2f}' for value in expected['norms'].tolist())}, clipped in {clipped} of {STEPS}")
    print(f"  float32 losses off by {' '.join(f'{value:.0e}' for value in off)}")
    print(f"  float32 parameters off by up to {error:.1e} at {where}; least moved: {min(moved.values()):.1e}")
    assert max(off) < LOSS_LIMIT / 2 and error < FINAL_LIMIT / 2, "float32 cannot follow this run"
    assert 2 <= clipped <= STEPS - 2, "clipping must bite in some steps and not in others"
    assert min(moved.values()) > 20 * FINAL_LIMIT, "a parameter hardly moves"


def main():
    out = fixtures_folder()
    folder = out / "training"
    clear_folder(folder)
    for name, run in RUNS.items():
        model = model_folder(out, run["model"].removeprefix("parity/"))
        expected = train(model, run)
        check_run(name, run, expected, model)
        write_tensors(folder / f"{name}.safetensors", rounded(expected))
    write_json(folder / "training.json", {"runs": RUNS, "versions": versions()})


if __name__ == "__main__":
    main()
