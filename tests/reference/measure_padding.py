"""Prints transformers' loss of an answer model for three sequences, padded to one length and one at a time: the numbers
in the book's chapter on losses.

    python tests/reference/measure_padding.py
"""

import torch

from common import load_model
from make_gradients import COMMITTED, make_batch


def main():
    model, _ = load_model(COMMITTED / "parity" / "odd-answer", torch.float64)
    batch, labels = make_batch(model, 2000)
    # Rows without a hole in their mask, whose answers lie inside.
    lengths = batch["attention_mask"].sum(1)
    whole = [row for row, n in enumerate(lengths) if batch["attention_mask"][row, :n].all()]
    fits = [row for row in whole if labels["start_positions"][row] < lengths[row] and labels["end_positions"][row] < lengths[row]]
    rows = sorted(fits, key=lambda row: int(lengths[row]))
    together = {name: value[rows] for name, value in (batch | labels).items()}
    print("lengths", [int(lengths[row]) for row in rows])
    with torch.no_grad():
        print(f"padded to {batch['input_ids'].shape[1]} tokens: {model(**together).loss:.2f}")
        single = []
        for row in rows:
            length = int(lengths[row])
            alone = {name: value[row : row + 1, :length] for name, value in batch.items()}
            label = {name: value[row : row + 1] for name, value in labels.items()}
            single.append(model(**alone, **label).loss)
        print(f"one sequence at a time: {torch.stack(single).mean():.2f}")


if __name__ == "__main__":
    main()
