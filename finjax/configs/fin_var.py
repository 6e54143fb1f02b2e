"""FIN that imitates VAR, the variance (paper, section II).

R² on the test repetitions of seen / unseen people, seed 0, and minutes on two CPU cores:

python main.py --config=configs/fin_var.py                                       0.9953 / 0.9683, 5 minutes
python main.py --config=configs/fin_var.py:fast --config.data.name=three_dc ...  0.9972 / 0.9964, 4 minutes
python main.py --config=configs/fin_var.py:paper --config.data.dir=...           not run yet: needs Ninapro DB2
"""

from ml_collections import ConfigDict

from finjax.configs import fin


def get_config(preset: str | None = None) -> ConfigDict:
    """Returns the configuration; `preset` comes after a colon, as in `configs/fin_var.py:fast`."""
    return fin.get_config(preset, target="var")
