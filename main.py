"""Trains and evaluates finjax models: `python main.py --config=configs/fin_ssi.py`.

The options are in `finjax/commands/train.py`; what a configuration may hold is in `finjax/configs/default.py`.
"""

from finjax.commands.train import start

if __name__ == "__main__":
    start()
