#!/usr/bin/env python3
"""The numbers worked out in the chapter "Reading a report": `python3 docs/worked_report.py`. Standard library only."""

import math

Z = 1.959963984540054


def wilson(right, total):
    share, shrink = right / total, 1 + Z * Z / total
    centre = (share + Z * Z / (2 * total)) / shrink
    half = Z / shrink * math.sqrt(share * (1 - share) / total + Z * Z / (4 * total * total))
    return centre - half, centre + half


print("Wilson's interval")
for right, total in [(18, 20), (90, 100), (900, 1000), (9000, 10000)]:
    low, high = wilson(right, total)
    print(f"  {right:5} of {total:5}   {low:.3f} to {high:.3f}")

print("\nleakage")
shared, shared_right, new, new_right = 40, 40, 160, 120
print(f"  on all dev examples   {(shared_right + new_right) / (shared + new):.3f}")
print(f"  on the new ones       {new_right / new:.3f}")

print("\nthe confusion matrix of the figure")
names = ["bug", "question", "wish"]
counts = [[96, 3, 21], [2, 58, 4], [37, 2, 77]]
total = sum(map(sum, counts))
print(f"  accuracy  {sum(counts[k][k] for k in range(3)) / total:.3f}")
scores = []
for k, name in enumerate(names):
    recall = counts[k][k] / sum(counts[k])
    precision = counts[k][k] / sum(row[k] for row in counts)
    scores.append(2 * precision * recall / (precision + recall))
    print(f"  {name:9} precision {precision:.3f}  recall {recall:.3f}  F1 {scores[-1]:.3f}")
print(f"  macro F1  {sum(scores) / 3:.3f}")
print(f"  bug and wish as one class: {(96 + 21 + 37 + 77 + 58) / total:.3f}")

print("\nexpected calibration error")
bins = [(10, 0.60, 6), (20, 0.80, 15), (70, 0.97, 60)]
n = sum(count for count, _, _ in bins)
for count, confidence, right in bins:
    gap = abs(right / count - confidence)
    print(f"  {count:3} predictions  confidence {confidence:.2f}  right {right / count:.3f}  gap {gap:.3f}  weighed {count / n * gap:.4f}")
print(f"  sum {sum(count / n * abs(right / count - confidence) for count, confidence, right in bins):.4f}")
