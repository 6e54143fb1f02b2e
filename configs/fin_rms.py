"""FIN for RMS."""

from configs import default


def get_config(preset=None):
    """Returns the configuration; `preset` comes after a colon, as in `configs/fin_rms.py:fast`."""
    return default.get_config("rms", preset)
