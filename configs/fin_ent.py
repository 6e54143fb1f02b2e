"""FIN that imitates ENT, the Shannon entropy of the softmax (paper, section II).

python main.py --config=configs/fin_ent.py

Fields, presets and measured results are in `finjax/configs/fin_ent.py`.
"""

from finjax.configs.fin_ent import get_config

__all__ = ["get_config"]
