"""The live page: what is on it, and what its controls do."""

import html
import json
import math
from collections.abc import Callable
from typing import Any

from finjax.web.columns import SHOWN, SHOWN_S
from finjax.web.facts import Facts
from finjax.web.mirror import Mirror
from finjax.web.pictures import pictures_of
from finjax.web.sliders import SettingSlider, settings_of

Command = Callable[[dict[str, Any]], None]
MOST_LANES = 16  # with more channels, a lane has no room for the name of its fault
LOOK_EVERY_S = 0.3  # for notices, and for controls that were changed in another tab


def add_page(mirror: Mirror, command: Command) -> None:
    """Adds the live page to NiceGUI.

    Args:
        mirror: what the page shows.
        command: sends a command to the process that decodes, see `Controls`.
    """
    from nicegui import ui

    @ui.page("/")
    def live() -> None:
        facts = mirror.facts
        add_head(facts, script="live.js")
        ui.html(_bar(facts), sanitize=False)
        with ui.element("main").classes("live"):
            ui.html(_DECISION, sanitize=False).classes("card decision")
            ui.html(_signals(facts), sanitize=False).classes("card signals")
            ui.html(_probabilities(facts), sanitize=False).classes("card probabilities")
            with ui.element("section").classes("card controls"):
                _add_controls(mirror, command)
            ui.html(_FIGURES, sanitize=False).classes("card figures")
        with ui.element("div").props("id=guide"):
            _add_guide(command)


def add_head(facts: Facts, *, script: str) -> None:
    """Adds style, script and facts to the page that is being built."""
    from nicegui import ui

    columns, seconds = shown_of(facts)
    content = {
        "channels": len(facts.channel_names),
        "names": facts.channel_names,
        "movements": facts.movement_names,
        "pictures": pictures_of(facts.movement_names),
        "columns": columns,
        "seconds": seconds,
        "unit": facts.unit,
    }
    ui.colors(primary="#0f766e", negative="#b42318", positive="#0f766e", info="#475569")
    ui.query(".nicegui-content").classes("whole")
    ui.add_head_html('<link rel="stylesheet" href="/assets/live.css">')
    text = json.dumps(content).replace("<", "\\u003c")  # no name may end the script
    ui.add_body_html(f'<script type="application/json" id="facts">{text}</script>')
    ui.add_body_html(f'<script type="module" src="/assets/{script}"></script>')


def shown_of(facts: Facts) -> tuple[int, float]:
    """Returns how many columns of the signals are shown, and how many seconds they are: 5 s, if so many are kept."""
    column_s = facts.column_ms / 1e3
    columns = min(SHOWN, max(1, round(SHOWN_S / column_s)))
    return columns, round(columns * column_s, 6)


def _bar(facts: Facts) -> str:
    run, stream = html.escape(facts.run), html.escape(facts.stream)
    return (
        f'<header class="bar"><div class="brand">finjax <b>live</b></div>'
        f'<div class="where" title="{run} · {stream}"><span>{run}</span><span>{stream}</span>'
        f"<span>{len(facts.channel_names)} channels, {facts.rate_hz:g} Hz</span>"
        f"<span>every {facts.update_ms:g} ms</span></div>"
        '<a class="go" href="/play">Target game</a></header>'
    )


_DECISION = (
    '<div class="title">Decision <span id="badge"></span><span id="clock" class="right"></span></div>'
    '<div class="now"><div id="decision-picture"></div>'
    '<div id="decision-name" class="none">waiting for samples</div></div>'
)

_FIGURES = (
    '<div class="title">Latency and problems</div><div class="numbers">'
    '<div><b id="p50">–</b><span>median latency</span></div><div><b id="p99">–</b><span>99 % are faster</span></div>'
    '<div><b id="missed">–</b><span>missed the deadline <span id="decisions"></span></span></div></div>'
    '<div id="problems" class="quiet"><span>Problems</span><div id="problems-list">none</div></div>'
)


def _signals(facts: Facts) -> str:
    lanes = "".join(
        f'<div class="lane" id="lane-{number}"><i></i><span title="{html.escape(name)}">{html.escape(name)}</span>'
        "<em></em></div>"
        for number, name in enumerate(facts.channel_names)
    )
    dense = " dense" if len(facts.channel_names) > MOST_LANES else ""
    _, seconds = shown_of(facts)
    ticks = "".join(
        f'<span style="left: {100 * (1 - second / seconds):.4g}%">−{second} s</span>'
        for second in range(math.ceil(seconds) - 1, 0, -1)
    )
    return (
        '<div class="title">Signals and electrodes <span id="signals-scale" class="right"></span></div>'
        f'<div class="picture{dense}" style="--channels: {len(facts.channel_names)}">'
        f'<div class="lanes">{lanes}</div><canvas id="signals-canvas"></canvas></div>'
        f'<div class="ticks">{ticks}<span>now</span></div>'
    )


def _probabilities(facts: Facts) -> str:
    rows = "".join(
        f'<div class="share" id="probability-{number}"><span title="{html.escape(name)}">{html.escape(name)}</span>'
        "<div><div></div></div><b></b></div>"
        for number, name in enumerate(facts.movement_names)
    )
    return f'<div class="title">Probabilities</div><div class="shares">{rows}</div>'


def _add_controls(mirror: Mirror, command: Command) -> None:
    """Adds sliders and buttons; each tab shows what was set in any of them."""
    from nicegui import ui

    ui.html('<div class="title">Controls</div>', sanitize=False)
    sliders = [SettingSlider(setting, command) for setting in settings_of(mirror.facts)]

    def is_paused() -> bool:
        return bool(mirror.state.get("paused"))

    with ui.element("div").classes("buttons"):
        stop = ui.button("Stop decisions", on_click=lambda: command({"do": "start" if is_paused() else "pause"}))
        stop.props("id=stop unelevated no-caps")
        dialog = _calibration_dialog(mirror.facts, command)
        ui.button("Calibrate…", on_click=dialog.open).props("id=calibrate outline no-caps")
        save = ui.button("Save decoder", on_click=lambda: command({"do": "save"})).props("id=save outline no-caps")
    told = max((notice["number"] for notice in mirror.state.get("notices", [])), default=0)

    def look() -> None:
        nonlocal told
        state = mirror.state
        for slider in sliders:
            slider.follow(state.get("settings", {}))
        stop.text = "Start decisions" if is_paused() else "Stop decisions"
        save.enabled = bool(state.get("calibrated")) and not state.get("task")
        for notice in state.get("notices", []):
            if notice["number"] > told:
                told = notice["number"]
                ui.notify(notice["text"], type=notice["kind"], timeout=8000, close_button=True, multi_line=True)

    look()
    ui.timer(LOOK_EVERY_S, look)


def _calibration_dialog(facts: Facts, command: Command) -> Any:
    from nicegui import ui

    with ui.dialog() as dialog, ui.card().classes("dialog"):
        ui.html("<h2>Calibrate</h2>", sanitize=False)
        ui.label(
            "The page shows each movement. Hold it until the page says rest. Afterwards the decoder is fitted to these "
            "samples while decisions continue."
        )
        movements = ui.select(
            list(facts.movement_names), multiple=True, value=list(facts.movement_names), label="Movements"
        ).props("use-chips outlined")
        with ui.element("div").classes("pair"):
            repetitions = ui.number("Repetitions", value=2, min=1, max=10, step=1).props("outlined")
            hold_s = ui.number("Hold (s)", value=3, min=1, max=10, step=0.5).props("outlined")
        with ui.element("div").classes("buttons end"):
            ui.button("Cancel", on_click=dialog.close).props("flat no-caps")

            def begin() -> None:
                dialog.close()
                command(
                    {
                        "do": "calibrate",
                        "movements": movements.value,
                        "repetitions": repetitions.value or 1,
                        "hold_s": hold_s.value or 3,
                    }
                )

            ui.button("Begin", on_click=begin).props("id=begin unelevated no-caps")
    return dialog


def _add_guide(command: Command) -> None:
    """Adds what covers the page during a calibration."""
    from nicegui import ui

    def lead(step: str) -> Callable[[], None]:
        return lambda: command({"do": "calibration", "step": step})

    ui.html(
        '<div id="guide-phase"></div><div id="guide-picture"></div><div id="guide-name"></div>'
        '<div id="guide-seconds"></div><div class="track"><div id="guide-bar"></div></div>'
        '<div id="guide-progress"></div>',
        sanitize=False,
    ).classes("guide")
    with ui.element("div").classes("buttons lead"):
        for name in ("pause", "resume", "repeat", "skip", "cancel"):
            ui.button(name.capitalize(), on_click=lead(name)).props(f"id=guide-{name} outline no-caps")
