"""FIN for SSI."""

from configs import default


def get_config(preset=None):
    """Returns the configuration; `preset` comes after a colon, as in `configs/fin_ssi.py:fast`."""
    return default.get_config("ssi", preset)
