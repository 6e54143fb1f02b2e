"""Trains a decoder with several seeds, and prints how much the accuracy depends on the seed.

python -m examples.several_seeds
"""

import json
import sys
from pathlib import Path

from finjax.configs import cnn
from finjax.evaluation.statistics import summarise
from finjax.run import run


def main(seeds: int = 5, preset: str = "best", folder: str = "runs/several_seeds") -> None:
    """Prints the accuracy of each seed, and mean and standard deviation of all; finished runs are kept."""
    accuracies = []
    for seed in range(seeds):
        config = cnn.get_config(preset)
        config.seed, config.subject, config.log.tensorboard = seed, "1", False
        workdir = Path(folder, f"seed_{seed}")
        run(config, workdir=workdir)
        metrics = json.loads((workdir / "subject_1/eval/metrics.json").read_text(encoding="utf-8"))
        accuracies.append(metrics["subjects"][0]["accuracy"])
    for seed, accuracy in enumerate(accuracies):
        print(f"seed {seed}: {accuracy:.1%}")
    result = summarise(accuracies)
    print(f"mean {result['mean']:.1%}, standard deviation {result['sd']:.1%} over {seeds} seeds (synthetic data)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
