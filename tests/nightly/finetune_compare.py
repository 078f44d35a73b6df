"""Compares fine-tuned models: ours, transformers', and a baseline.

    finetune_compare.py --ours DIR --theirs FILE

--ours    the output of `bert finetune TASK … --seed 1,2,3`: the scores are in DIR/seed-N/eval_results.txt
--theirs  what finetune_transformers.py printed for the same files

For each score: mean, standard deviation and standard error of both sides, in points (a hundredth of the best that is
possible), and whether the means are within one point or within two standard errors of their difference,
sqrt(s1²/n1 + s2²/n2). What is better by more than that fails as well: the settings are then not the same. Ours must also be
better than every baseline that is marked so. Exit 1 if anything does not hold.
"""

import argparse
import json
import math
import pathlib
import re
import statistics
import sys

# By task: the scores, and how many points one of them is.
SCORES = {"classify": {"accuracy": 100}, "tag": {"f1": 100}, "answer": {"exact_match": 1, "f1": 1}}
POINTS, ERRORS = 1.0, 2.0


def our_scores(folder, seed):
    """The `eval_NAME = VALUE` lines of one seed."""
    path = folder / f"seed-{seed}" / "eval_results.txt"
    lines = (re.fullmatch(r"eval_(\w+) = (\S+)", line) for line in path.read_text().splitlines())
    return {line[1]: float(line[2]) for line in lines if line}


class Side:
    def __init__(self, name, values):
        if not all(map(math.isfinite, values)):
            sys.exit(f"{name}: {values}")
        self.name, self.values = name, values
        self.mean, self.deviation = statistics.fmean(values), statistics.stdev(values)
        self.error = self.deviation / math.sqrt(len(values))

    def __str__(self):
        each = ", ".join(f"{value:.2f}" for value in self.values)
        return f"{self.name:13} {self.mean:6.2f}, deviation {self.deviation:.2f}, standard error {self.error:.2f} ({each})"


def compare(score, ours, theirs, baselines):
    """Prints what there is to say of one score. Returns what does not hold."""
    print(f"{score}, in points:\n  {ours}\n  {theirs}")
    difference, error = ours.mean - theirs.mean, math.hypot(ours.error, theirs.error)
    near = abs(difference) <= max(POINTS, ERRORS * error)
    print(f"  difference {difference:+.2f}, its standard error {error:.2f}: {'near enough' if near else 'NOT near enough'}")
    wrong = [] if near else [f"{score}: {difference:+.2f} points, the standard error is {error:.2f}"]
    for name, value, must_beat in baselines:
        better = ours.mean > value
        print(f"  baseline ({name}) {value:.2f}: {'ours is better' if better else 'ours is NOT better'}{'' if must_beat else ' (for comparison)'}")
        if must_beat and not better:
            wrong.append(f"{score}: {ours.mean:.2f}, the baseline ({name}) {value:.2f}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", type=pathlib.Path, required=True)
    parser.add_argument("--theirs", type=pathlib.Path, required=True)
    args = parser.parse_args()
    lines = [json.loads(line) for line in args.theirs.read_text().splitlines() if line]
    theirs = [line for line in lines if line["side"] == "transformers"]
    baselines = [line for line in lines if line["side"] == "baseline"]
    (task,) = {line["task"] for line in lines}
    if len(theirs) < 2 or not any(line["must_beat"] for line in baselines):
        sys.exit(f"{args.theirs}: at least two seeds and a baseline are wanted")
    ours = [our_scores(args.ours, line["seed"]) for line in theirs]
    print(f"{task}, trained on {theirs[0]['train']}, measured on {theirs[0]['dev']}, {len(theirs)} seeds")
    wrong = []
    for score, points in SCORES[task].items():
        of = lambda values: [points * value[score] for value in values]  # noqa: E731, B023
        rows = [(line["baseline"], points * line[score], line["must_beat"]) for line in baselines]
        wrong += compare(score, Side("ours", of(ours)), Side("transformers", of(theirs)), rows)
    for line in wrong:
        print(f"does not hold: {line}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
