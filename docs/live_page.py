"""Draws the pictures of the live page: python docs/live_page.py (needs NiceGUI, Playwright and a Chromium).

A synthetic person plays the movements of the 3DC dataset, so that the page can show hands.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
COLOURS = 256  # of a picture: a palette keeps the files small

# Runs `finjax` with other names for the synthetic movements: the first eleven of seventeen are used.
PROGRAM = """
import sys
from finjax.data import synthetic, three_dc
others = tuple(f"movement {number}" for number in range(12, 18))
synthetic.MOVEMENT_NAMES = (*three_dc.MOVEMENT_NAMES, *others)
from finjax.commands.main import main
if __name__ == "__main__":
    sys.exit(main())
"""


def main() -> None:
    """Runs a session in a temporary folder, and opens its pages."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        program = Path(folder, "program.py")
        program.write_text(PROGRAM, encoding="utf-8")
        command = [sys.executable, str(program), "live", "--loop", "--web", "--port=0", "--quiet", "--vote=9"]
        session = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, encoding="utf-8")
        assert session.stdout is not None
        try:
            url = next(match[0] for line in session.stdout if (match := re.search(r"http://\S+", line)))
            chromium = shutil.which("chromium") or shutil.which("google-chrome")
            browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            draw(browser, url)
            browser.close()
        finally:
            session.terminate()
            session.wait()


def draw(browser, url: str) -> None:
    """Opens the pages and saves what they show."""
    wide = browser.new_page(viewport={"width": 1440, "height": 900})
    wide.goto(url)
    wide.wait_for_function("parseFloat(document.getElementById('clock')?.textContent) > 7")
    wide.wait_for_selector("#decision-picture svg")
    save(wide, "live_page.png")
    narrow = browser.new_page(viewport={"width": 400, "height": 860})
    narrow.goto(url)
    narrow.wait_for_timeout(6000)
    save(narrow, "live_page_narrow.png")
    narrow.close()
    wide.goto(url.split("?")[0] + "play")
    wide.get_by_label("Dwell (s)").fill("3")
    wide.get_by_label("Time limit (s)").fill("90")
    wide.get_by_label("Time limit (s)").blur()
    wide.click("#play-start")
    wide.set_default_timeout(120_000)
    wide.wait_for_function("Number(document.getElementById('field').dataset.held) > 0.2")
    save(wide, "play.png")


def save(page, name: str) -> None:
    """Saves a screenshot with few colours."""
    from PIL import Image

    path = FOLDER / name
    page.screenshot(path=path)
    Image.open(path).convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
        path, optimize=True
    )


if __name__ == "__main__":
    main()
