"""FIN that imitates SSI, the simple square integral (paper, section II).

R² on the test repetitions of seen / unseen people, seed 0, and minutes on two CPU cores:

python main.py --config=configs/fin_ssi.py                                       0.9952 / 0.9681, 5 minutes
python main.py --config=configs/fin_ssi.py:fast --config.data.name=three_dc ...  0.9974 / 0.9959, 4 minutes
python main.py --config=configs/fin_ssi.py:paper --config.data.dir=...           not run yet: needs Ninapro DB2
"""

from ml_collections import ConfigDict

from finjax.configs import fin


def get_config(preset: str | None = None) -> ConfigDict:
    """Returns the configuration; `preset` comes after a colon, as in `configs/fin_ssi.py:fast`."""
    return fin.get_config(preset, target="ssi")
