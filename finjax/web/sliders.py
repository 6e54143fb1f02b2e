"""Sliders for the settings of the decisions."""

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

from finjax.web.facts import Facts

ROUNDING = 1e-6  # of values on their way to the browser and back
STILL_S = 1.0  # after a slider was moved, before it follows the decoder again


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """A number that a slider sets.

    Attributes:
        name: as in the command `"settings"`, see `Controls`.
        label: to show.
        least: at the left end.
        most: at the right end.
        step: between two values.
        unit: to show.
        factor: what is shown over what is set.
    """

    name: str
    label: str
    least: int
    most: int
    step: int = 1
    unit: str = ""
    factor: int = 1


def settings_of(facts: Facts) -> tuple[Setting, ...]:
    """Returns the settings of a session."""
    step = max(1, round(facts.update_ms))
    return (
        Setting(name="vote", label="Vote of the last decisions", least=1, most=50),
        Setting(name="least_probability", label="Least probability", least=0, most=95, unit=" %", factor=100),
        Setting(name="dwell_ms", label="Dwell before a change", least=0, most=max(1000, step), step=step, unit=" ms"),
    )


class SettingSlider:
    """A slider that sets a number of the decoder, and follows it when another tab sets it.

    Args:
        setting: the number.
        command: sends a command to the process that decodes.
    """

    def __init__(self, setting: Setting, command: Callable[[dict[str, Any]], None]):
        from nicegui import ui

        self._setting, self._command = setting, command
        self._known: float | None = None  # what the decoder uses, as far as this tab knows
        self._moved_s = -STILL_S
        with ui.element("div").classes("setting"):
            ui.label(setting.label)
            value = ui.label().classes("right").props(f"id=value-{setting.name}")
        self._slider = ui.slider(min=setting.least, max=setting.most, step=setting.step, value=setting.least)
        self._slider.props(f'id=slider-{setting.name} aria-label="{setting.label}"')
        self._slider.on_value_change(lambda event: self._change(event.value))
        value.bind_text_from(self._slider, "value", lambda shown: f"{shown:g}{setting.unit}")

    def follow(self, settings: dict[str, float]) -> None:
        """Shows what the decoder uses, unless the person has just moved the slider."""
        value = settings.get(self._setting.name)
        if value is None or value == self._known or time.monotonic() - self._moved_s < STILL_S:
            return
        self._known = value
        shown = round(value * self._setting.factor, 6)
        if shown > self._slider.props["max"]:  # as an option of the program has set it
            self._slider.props["max"] = shown
        self._slider.value = shown

    def _change(self, shown: float | None) -> None:
        if shown is None:
            return
        value = shown / self._setting.factor
        if self._known is not None and math.isclose(value, self._known, rel_tol=ROUNDING, abs_tol=ROUNDING):
            return  # it has followed the decoder
        self._known, self._moved_s = value, time.monotonic()
        self._command({"do": "settings", self._setting.name: value})
