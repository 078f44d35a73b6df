#!/usr/bin/env python3
"""Draws the figures of the chapters on back-propagation: docs/src/figures/{tiny_network,derivatives,keep,layer_norm_ways,
attention_backward}.svg. Run it again after a change: `python3 docs/figures_gradients.py`.
"""

import math

from figures import BLUE, GREEN, GREY, INK, ORANGE, PALE, VIOLET, Axes, Svg
from worked_gradients import F, H, L, d_gelu, d_relu, d_silu, tiny, tiny_gradients
from worked_optimizers import show


def tip(svg, name, colour):
    svg.parts.append(
        f'<defs><marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{colour}"/></marker></defs>'
    )


def arrow(svg, points, name, colour, width=1.5):
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    svg.parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="{width}" marker-end="url(#{name})"/>')


def box(svg, x, y, width, height, fill, stroke, text, small=""):
    svg.parts.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{fill}" stroke="{stroke}"/>')
    svg.text(x + width / 2, y + height / 2 + (-2 if small else 5), text, "middle")
    if small:
        svg.text(x + width / 2, y + height / 2 + 15, small, "middle", "#555555", 12)


def tiny_network():
    svg = Svg(720, 250, "The tiny network: values from left to right above, gradients from right to left below")
    tip(svg, "to", BLUE), tip(svg, "back", ORANGE)
    u, a, y, loss = tiny(0.5, 2.0, 2.0)
    d_y, d_w2, d_a, d_u, d_w1, d_x = tiny_gradients(0.5, 2.0, 2.0)
    names = ["x", "u = w₁·x", "a = tanh(u)", "y = w₂·a", "loss"]
    values, gradients = [2.0, u, a, y, loss], [d_x, d_u, d_a, d_y, None]
    slopes = ["w₁", "1 − a²", "w₂", "y − 1"]
    lefts, width = [20, 150, 300, 450, 600], 100
    for left, name, value, gradient in zip(lefts, names, values, gradients):
        box(svg, left, 96, width, 44, "#eeeeee", GREY, name)
        svg.text(left + width / 2, 82, show(value, 4), "middle", BLUE)
        text = show(gradient, 4) if gradient is not None else "1"
        svg.text(left + width / 2, 166, text, "middle", ORANGE)
    for here, there, slope in zip(lefts, lefts[1:], slopes):
        arrow(svg, [(here + width + 2, 110), (there - 2, 110)], "to", BLUE)
        arrow(svg, [(there - 2, 128), (here + width + 2, 128)], "back", ORANGE)
        svg.text((here + width + there) / 2, 190, f"· {slope}", "middle", ORANGE, 13)
    for left, name, gradient, slope in ((150, "w₁ = 0.5", d_w1, "x"), (450, "w₂ = 2", d_w2, "a")):
        box(svg, left + 10, 16, 80, 30, "#d6e6f7", BLUE, name)
        arrow(svg, [(left + 40, 46), (left + 40, 64)], "to", BLUE)
        svg.text(left + 100, 30, show(gradient, 4), "start", ORANGE)
        svg.text(left + 100, 48, f"{show(d_u if slope == 'x' else d_y, 4)} · {slope}", "start", ORANGE, 13)
    svg.text(20, 222, "blue: the forward pass, from left to right", color=BLUE, size=13)
    svg.text(20, 240, "orange: gradients of the loss, from right to left; each is the one to its right times the slope between them", color=ORANGE, size=13)
    svg.save("tiny_network.svg")


def derivatives():
    svg = Svg(720, 330, "The slopes of four activations from −4 to 4")
    axes = Axes(svg, 50, 50, 640, 215, (-4, 4), (-0.3, 1.3))
    axes.frame([-4, -3, -2, -1, 0, 1, 2, 3, 4], [0, 0.5, 1], "x")
    legend = [
        ("GELU'", BLUE, "", d_gelu), ("SiLU'", GREEN, "", d_silu),
        ("tanh'", VIOLET, "", lambda x: 1 - math.tanh(x) ** 2), ("ReLU'", ORANGE, "6 4", d_relu),
    ]
    for (name, colour, dash, function), x in zip(legend, (50, 170, 290, 410)):
        axes.plot(function, colour, dash)
        svg.line(x, 26, x + 28, 26, colour, 3, dash)
        svg.text(x + 34, 31, name, size=13)
    svg.save("derivatives.svg")


def keep():
    """Kilobytes for each token that are alive, over time in forward passes of one layer."""
    svg = Svg(720, 330, "Memory during forward and backward pass, keeping all and keeping inputs only")
    axes = Axes(svg, 60, 50, 630, 215, (0, 48), (0, 500))
    axes.frame([0, 12, 24, 36, 48], [0, 100, 200, 300, 400], "time, in forward passes of one layer")
    kilo = lambda numbers: 4 * numbers / 1000
    one, inside = 7 * H + F, 6 * H + F
    everything = [(0, 0), (L, kilo(L * one)), (3 * L, 0)]
    time, held, inputs = 0, 0, [(0, 0)]
    for _ in range(L):
        held += H
        inputs += [(time, kilo(held)), (time + 1, kilo(held + inside)), (time + 1, kilo(held))]
        time += 1
    for _ in range(L):
        inputs += [(time, kilo(held)), (time + 1, kilo(held + inside)), (time + 3, kilo(held))]
        held -= H
        time += 3
    inputs.append((time, 0))
    for name, colour, points, x in (("Keep::All", BLUE, everything, 60), ("Keep::InputOnly", ORANGE, inputs, 190)):
        svg.curve([(axes.x(a), axes.y(b)) for a, b in points], colour)
        svg.line(x, 26, x + 28, 26, colour, 3)
        svg.text(x + 34, 31, name, size=13)
    svg.line(axes.x(L), axes.top, axes.x(L), axes.top + axes.height, GREY, 1, "3 3")
    svg.text(axes.x(L) - 8, axes.top + 12, "forward", "end", GREY, 12)
    svg.text(axes.x(L) + 8, axes.top + 12, "backward", "start", GREY, 12)
    svg.text(690, 31, "kilobytes for each token, BERT-base", "end", GREY, 13)
    svg.save("keep.svg")


def layer_norm_ways():
    svg = Svg(720, 300, "The three ways from one number of a row to the normalised row")
    for name, colour in (("a", INK), ("b", BLUE), ("c", ORANGE), ("g", GREY)):
        tip(svg, name, colour)
    box(svg, 20, 122, 90, 44, "#eeeeee", GREY, "xᵢ")
    box(svg, 200, 222, 110, 44, "#d6e6f7", BLUE, "mean")
    box(svg, 200, 22, 110, 44, "#fbe3d0", ORANGE, "σ = √(var + eps)")
    svg.parts[-1] = svg.parts[-1].replace('font-size="14"', 'font-size="12"')
    for i, y in enumerate((72, 122, 172)):
        name = ("x̂₀", "x̂ᵢ", "x̂₃")[i]
        box(svg, 450, y, 60, 36, "#ecdff4", VIOLET, name)
        arrow(svg, [(310, 240), (446, y + 24)], "b", BLUE)
        arrow(svg, [(310, 48), (446, y + 12)], "c", ORANGE)
        arrow(svg, [(510, y + 18), (586, y + 18)], "g", GREY)
        svg.text(594, y + 23, ("g₀", "gᵢ", "g₃")[i], color=GREY)
    svg.text(630, 145, "to the loss", color=GREY, size=13)
    arrow(svg, [(110, 144), (446, 140)], "a", INK, 2)
    arrow(svg, [(90, 166), (196, 240)], "b", BLUE, 2)
    arrow(svg, [(90, 122), (196, 48)], "c", ORANGE, 2)
    svg.text(130, 137, "1: directly, 1/σ", size=13)
    svg.text(20, 222, "2: through the mean,", color=BLUE, size=13)
    svg.text(20, 240, "slope 1/H", color=BLUE, size=13)
    svg.text(20, 62, "3: through the spread,", color=ORANGE, size=13)
    svg.text(20, 80, "slope x̂ᵢ/H", color=ORANGE, size=13)
    svg.text(370, 270, "slope −1/σ for every x̂ⱼ", color=BLUE, size=13)
    svg.text(370, 34, "slope −x̂ⱼ/σ for every x̂ⱼ", color=ORANGE, size=13)
    svg.save("layer_norm_ways.svg")


def attention_backward():
    svg = Svg(720, 560, "The attention block backwards, to be read downwards")
    tip(svg, "t", "#444444")
    ink = "#444444"
    go = lambda *points: arrow(svg, points, "t", ink)
    svg.text(210, 20, "d_output  [T, H]", "middle")
    go((210, 26), (210, 44))
    box(svg, 60, 46, 300, 44, "#ecdff4", VIOLET, "d_sum = LayerNorm backwards", "d of its weight and bias")
    go((210, 90), (210, 120))
    svg.parts.append(f'<path d="M210 104L690 104L690 516" fill="none" stroke="{ink}" stroke-width="1.5"/>')
    svg.text(440, 96, "residual: d_sum itself", "middle", ink, 13)
    box(svg, 60, 122, 300, 44, "#d6e6f7", BLUE, "d_context = dropout(d_sum)·W_o", "d_W_o, d_b_o")
    go((210, 166), (210, 204))
    svg.parts.append(f'<path d="M210 184L570 184" fill="none" stroke="{ink}" stroke-width="1.5"/>')
    go((570, 184), (570, 204))
    box(svg, 60, 206, 300, 44, "#fbe3d0", ORANGE, "d_P = m ∘ (d_context·valueᵀ)", "[S, S] for each sequence and head")
    box(svg, 470, 206, 200, 44, "#fbe3d0", ORANGE, "d_value = P̃ᵀ·d_context", "[S, D]")
    go((210, 250), (210, 276))
    box(svg, 60, 278, 300, 44, "#fbe3d0", ORANGE, "d_S = P ∘ (d_P − Σ P ∘ d_P)", "softmax, row by row")
    go((150, 322), (150, 350))
    go((320, 322), (320, 350))
    box(svg, 40, 352, 190, 44, "#fbe3d0", ORANGE, "d_query = d_S·key/√D", "[S, D]")
    box(svg, 250, 352, 200, 44, "#fbe3d0", ORANGE, "d_key = d_Sᵀ·query/√D", "[S, D]")
    go((570, 250), (570, 426))
    go((135, 396), (135, 426))
    go((350, 396), (350, 426))
    box(svg, 40, 428, 190, 44, "#d6e6f7", BLUE, "d_query·W_q", "d_W_q = d_queryᵀ·x")
    box(svg, 250, 428, 200, 44, "#d6e6f7", BLUE, "d_key·W_k", "d_W_k = d_keyᵀ·x")
    box(svg, 470, 428, 200, 44, "#dcf0df", GREEN, "d_value·W_v", "d_W_v = d_valueᵀ·x")
    for x, bottom in ((135, 516), (350, 504), (570, 516)):
        svg.line(x, 472, x, bottom, ink, 1.5)
    svg.line(135, 516, 338, 516, ink, 1.5)
    svg.line(362, 516, 690, 516, ink, 1.5)
    svg.parts.append(
        f'<circle cx="350" cy="516" r="12" fill="#ffffff" stroke="{ink}" stroke-width="1.5"/>'
        f'<path d="M344 516h12M350 510v12" stroke="{ink}" stroke-width="1.5"/>'
    )
    go((350, 528), (350, 548))
    svg.text(364, 548, "d_x  [T, H]: four contributions")
    svg.save("attention_backward.svg")


if __name__ == "__main__":
    for draw in (tiny_network, derivatives, keep, layer_norm_ways, attention_backward):
        draw()
