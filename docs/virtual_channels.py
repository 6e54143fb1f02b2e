"""Draws the figure of FINs on virtual channels: python docs/virtual_channels.py"""

from pathlib import Path

from matplotlib.patches import FancyBboxPatch
from stages import CNN, FIN, INK, SIGNAL, SOFT, arrow, box, canvas, wave

MIX = "#7a5195"


def main() -> None:
    """Draws the figure."""
    figure, axes = canvas(2.9, top=2.9)
    axes.add_patch(FancyBboxPatch((0.1, 0.1), 10.8, 2.65, boxstyle="round,pad=0.02", fc=SOFT, ec="none"))
    title = "Virtual channels: sums and differences of electrodes, whose weights are trained with the rest"
    axes.text(0.25, 2.5, title, fontsize=10.5, weight="bold", color=INK)

    wave(axes, 0.35, 1.0, width=1.15, channels=3)
    axes.text(0.92, 0.5, "C channels", ha="center", fontsize=8, color=INK)
    arrow(axes, (1.6, 1.4), (1.95, 1.4))
    box(axes, 2.0, 0.95, 1.45, 0.95, "weights\nV × C", MIX)
    axes.text(2.72, 0.5, "start: the channels, and\ncommon spatial patterns", ha="center", fontsize=7.5, color=INK)
    arrow(axes, (3.5, 1.4), (3.8, 1.4))
    wave(axes, 3.85, 0.75, width=1.15, channels=5, seed=1)
    axes.text(4.42, 0.28, "V virtual channels", ha="center", fontsize=8, color=INK)
    arrow(axes, (5.05, 1.4), (5.35, 1.4))
    for offset in (0.24, 0.16, 0.08, 0.0):
        box(axes, 5.4 + offset, 0.9 + offset, 1.75, 0.8, "", FIN)
    axes.text(6.27, 1.3, "F × V FINs\nof stage 1", ha="center", va="center", fontsize=8.5, color=INK)
    arrow(axes, (7.5, 1.4), (7.8, 1.4))
    box(axes, 7.85, 1.45, 1.25, 0.65, "CNN", CNN)
    box(axes, 7.85, 0.6, 1.25, 0.65, "RDA", SIGNAL)
    arrow(axes, (9.15, 1.75), (9.5, 1.5))
    arrow(axes, (9.15, 0.95), (9.5, 1.3))
    axes.text(9.6, 1.4, "sum of their\nlog-probabilities:\nK movements", fontsize=8.5, color=INK, va="center")
    figure.savefig(Path(__file__).with_name("virtual_channels.png"), dpi=130)


if __name__ == "__main__":
    main()
