"""FIN that imitates RMS, the root mean square (paper, section II).

python main.py --config=configs/fin_rms.py

Fields, presets and measured results are in `finjax/configs/fin_rms.py`.
"""

from finjax.configs.fin_rms import get_config

__all__ = ["get_config"]
