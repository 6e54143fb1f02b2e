"""FIN for VAR."""

from configs import default


def get_config(preset=None):
    """Returns the configuration; `preset` comes after a colon, as in `configs/fin_var.py:fast`."""
    return default.get_config("var", preset)
