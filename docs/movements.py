"""Draws the sheet of all movements that have a picture, with Chromium: python docs/movements.py"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from finjax.pictures import svg
from finjax.pictures.poses import POSES

COLUMNS, CELL, LABEL = 8, 130, 34  # pixels
STYLE = f"""
body {{ display: grid; grid: auto-flow {CELL + LABEL}px / repeat({COLUMNS}, {CELL}px); margin: 0; }}
div {{ font: 10.5px/1.15 "DejaVu Sans", sans-serif; color: #22313f; text-align: center; }}
"""


def main() -> None:
    """Draws the sheet."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("Chromium is not installed, which draws the sheet: install it")
    cells = "".join(f"<div>{svg(names[0], size=CELL)}<br>{names[0]}</div>" for names in POSES)
    height = -(-len(POSES) // COLUMNS) * (CELL + LABEL)
    with tempfile.TemporaryDirectory() as folder:
        page, picture = Path(folder, "page.html"), Path(folder, "page.png")
        page.write_text(f'<meta charset="utf-8"><style>{STYLE}</style>{cells}', encoding="utf-8")
        options = [
            "--headless",
            "--no-sandbox",
            "--hide-scrollbars",
            "--force-device-scale-factor=1.5",
            f"--user-data-dir={folder}/profile",
        ]
        window = f"--window-size={COLUMNS * CELL},{height}"
        subprocess.run([browser, *options, window, f"--screenshot={picture}", page.as_uri()], check=True, timeout=120)
        colours = Image.open(picture).convert("RGB").quantize(96, dither=Image.Dither.NONE)
    colours.save(Path(__file__).with_name("movements.png"), optimize=True)


if __name__ == "__main__":
    main()
