"""Draws the README's figure of the three stages: python docs/stages.py"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

ROUND = "round,pad=0.02,rounding_size=0.08"
INK, SIGNAL, FIN, CNN, SOFT = "#22313f", "#1f6f8b", "#d1603d", "#4a7c59", "#f4f1ea"


def box(axes, x, y, width, height, text, colour, *, size=9):
    """Draws a rounded box with text, its lower left corner at (x, y)."""
    patch = FancyBboxPatch((x, y), width, height, boxstyle=ROUND, fc="white", ec=colour, lw=1.6)
    axes.add_patch(patch)
    axes.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=size, color=INK)


def arrow(axes, start, end, *, colour=INK, style="-|>", line="-"):
    """Draws an arrow between two points."""
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle=style, mutation_scale=11, lw=1.2, color=colour, ls=line))


def wave(axes, x, y, *, width=1.3, height=0.32, seed=0, channels=1):
    """Draws a burst of noise for each channel."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, 220)
    for channel in range(channels):
        envelope = 0.25 + 0.75 * np.sin(np.pi * np.clip(t * 1.2 - 0.1 + 0.1 * channel, 0, 1)) ** 2
        axes.plot(
            x + width * t, y + 0.34 * channel + height * 0.35 * envelope * rng.normal(size=220), color=SIGNAL, lw=0.6
        )


def canvas(height, *, top):
    """Returns an empty figure 11 inches wide, and its axes from (0, 0) to (11, top)."""
    figure = Figure(figsize=(11, height), layout="constrained", facecolor="white")
    axes = figure.subplots()
    axes.set_xlim(0, 11)
    axes.set_ylim(0, top)
    axes.axis("off")
    return figure, axes


def main() -> None:
    """Draws the figure."""
    figure, axes = canvas(6.2, top=6.3)
    titles = (
        (4.35, "1  FIN: an LSTM learns to imitate a closed-form feature (one for each of ENT, RMS, VAR, SSI)"),
        (2.35, "2  CNN: movements are recognised from the closed-form features"),
        (0.1, "3  FIN + CNN: a copy of its FIN for every feature and channel, all tuned together"),
    )
    for (bottom, title), height in zip(titles, (1.8, 1.8, 2.05), strict=True):
        axes.add_patch(FancyBboxPatch((0.1, bottom), 10.8, height - 0.1, boxstyle="round,pad=0.02", fc=SOFT, ec="none"))
        axes.text(0.25, bottom + height - 0.35, title, fontsize=10.5, weight="bold", color=INK)

    wave(axes, 0.4, 5.0)
    axes.text(1.05, 4.6, "window, 300 ms\none channel", ha="center", fontsize=8, color=INK, va="center")
    arrow(axes, (1.85, 5.0), (2.35, 5.0))
    box(axes, 2.4, 4.6, 2.5, 0.8, "3 × bidirectional LSTM\nhidden 32", FIN)
    arrow(axes, (4.95, 5.0), (5.4, 5.0))
    box(axes, 5.45, 4.6, 1.5, 0.8, "dense\n12 outputs", FIN)
    arrow(axes, (7.0, 5.0), (7.85, 5.0), style="<|-|>", colour=FIN)
    axes.text(7.42, 5.16, "MSE", ha="center", fontsize=8, color=FIN)
    box(axes, 7.9, 4.6, 2.7, 0.8, "the feature, by its formula,\nand 11 noisy shadows of it", SIGNAL)

    wave(axes, 0.4, 2.75, channels=3)
    axes.text(2.1, 3.05, "12 channels", fontsize=8, color=INK, va="center")
    arrow(axes, (2.85, 3.05), (3.2, 3.05))
    box(axes, 3.25, 2.65, 2.2, 0.8, "ENT, RMS, VAR, SSI\nby their formulas", SIGNAL)
    arrow(axes, (5.5, 3.05), (5.95, 3.05))
    box(axes, 6.0, 2.65, 2.0, 0.8, "12 × 12 × 4\nchannels × shadows\n× features", SIGNAL, size=8)
    arrow(axes, (8.05, 3.05), (8.35, 3.05))
    box(axes, 8.4, 2.65, 0.95, 0.8, "CNN", CNN)
    arrow(axes, (9.4, 3.05), (9.7, 3.05))
    axes.text(9.75, 3.05, "17 movements", fontsize=8.5, color=INK, va="center")

    wave(axes, 0.4, 0.55, channels=3)
    axes.text(2.1, 0.9, "12 channels", fontsize=8, color=INK, va="center")
    arrow(axes, (2.85, 0.9), (3.2, 0.9))
    for offset in (0.24, 0.16, 0.08, 0.0):
        box(axes, 3.25 + offset, 0.45 + offset, 2.1, 0.75, "", FIN)
    axes.text(
        4.3, 0.83, "48 FINs from stage 1:\n4 features × 12 channels", ha="center", va="center", fontsize=8, color=INK
    )
    arrow(axes, (5.65, 0.9), (5.95, 0.9))
    box(axes, 6.0, 0.5, 2.0, 0.8, "12 × 12 × 4\nimitated features", FIN, size=8)
    arrow(axes, (8.05, 0.9), (8.35, 0.9))
    box(axes, 8.4, 0.5, 0.95, 0.8, "CNN", CNN)
    arrow(axes, (9.4, 0.9), (9.7, 0.9))
    axes.text(9.75, 0.9, "17 movements,\nnow or up to\n300 ms ahead", fontsize=8.5, color=INK, va="center")
    figure.savefig(Path(__file__).with_name("stages.png"), dpi=130)


if __name__ == "__main__":
    main()
