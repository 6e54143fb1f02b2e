"""FIN that imitates ENT, the Shannon entropy of the softmax (paper, section II).

R² on the test repetitions of seen / unseen people, seed 0, and minutes on two CPU cores:

python main.py --config=configs/fin_ent.py                                       0.9404 / 0.9372, 5 minutes
python main.py --config=configs/fin_ent.py:fast --config.data.name=three_dc ...  0.9715 / 0.9671, 4 minutes
python main.py --config=configs/fin_ent.py:paper --config.data.dir=...           not run yet: needs Ninapro DB2
"""

from ml_collections import ConfigDict

from finjax.configs import fin


def get_config(preset: str | None = None) -> ConfigDict:
    """Returns the configuration; `preset` comes after a colon, as in `configs/fin_ent.py:fast`."""
    return fin.get_config(preset, target="ent")
