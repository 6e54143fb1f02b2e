"""A guided recording from its options to its summary: electrode check, trials, what to do next."""

import argparse
import contextlib
import dataclasses
import shlex
import sys
from collections import Counter
from collections.abc import Iterator

import numpy as np

from finjax.acquisition.amplitude import range_above, usual_range
from finjax.acquisition.bdf import labels_for, limit_text
from finjax.acquisition.bids import Folder, Person
from finjax.acquisition.check import Electrode, check_electrodes, table
from finjax.acquisition.keyboard import HELP, Keyboard, keyboard
from finjax.acquisition.record import COMPLETE, Ending, lead
from finjax.acquisition.run_writer import RunWriter, Setup
from finjax.acquisition.schedule import Session
from finjax.acquisition.terminal import Terminal
from finjax.acquisition.trials import Timing, make_trials
from finjax.errors import ConfigError
from finjax.sources.opening import open_source
from finjax.sources.source import Source
from finjax.system import interrupts
from finjax.system.console import messages_held_back
from finjax.system.files import expanded

CHECK_KEYS = "space: pause or go on   s: skip   q: end"
AFTER_CHECK = "space: record anyway   r: check again   q: end"


def run(options: argparse.Namespace) -> tuple[list[str], Ending]:
    """Records a person; returns the lines of the summary, and how it ended.

    Raises:
        FinjaxError: an option cannot be used, the source cannot be opened, or the folder cannot be written.
    """
    timing = Timing(ready_s=options.ready, hold_s=options.hold, rest_s=options.rest)
    person, folder = Person(options.subject, options.session), Folder(expanded(options.folder))
    movements = _movements(options, folder)
    trials = make_trials(
        movements,
        repetitions=options.repetitions,
        order=options.order,
        seed=options.seed,
        first=folder.next_repetition(person.subject),
    )
    if options.range is not None:
        limit_text(options.range)
    folder.check_movements(movements)
    source = open_source(options.source, channels=options.channels, rate_hz=options.rate, speed=options.speed)
    with contextlib.closing(source), keyboard() as keys:
        folder.check_stream(rate_hz=source.info.rate_hz, labels=labels_for(source.info.channel_names))
        unit, chunks = _unit(options, source), iter(source)
        folder.create()  # before the check: a folder that cannot be written is refused at once
        ending, electrodes, strongest = _checked(options, source, chunks, keys, unit=unit)
        if not ending.complete:
            return [f"nothing was recorded: {ending.reason}"], ending
        setup = Setup(
            movements=movements,
            unit=unit,
            physical_max=options.range or usual_range(unit) or range_above(strongest),
            mains_hz=options.mains,
            reference=options.reference,
            placement=options.placement,
            check={one.name: dataclasses.asdict(one) for one in electrodes},
        )
        session = Session(trials, timing, seed=options.seed if options.order == "shuffled" else None)
        writer = RunWriter(folder, person, source.info, setup)
        try:
            with _terminal(source, keys, HELP) as front:
                ending = lead(chunks, session, writer, front, source_problems=source.problems, idle_s=options.idle)
        finally:
            with interrupts.held_back():
                writer.close(source.problems + ending.problems)
    problems = source.problems + ending.problems + front.problems
    return _summary(options, writer, session, ending, problems), ending


@contextlib.contextmanager
def _terminal(source: Source, keys: Keyboard, shown_keys: str) -> Iterator[Terminal]:
    """Yields the terminal as a front; messages of libraries are held back meanwhile."""
    front = Terminal(source.info.channel_names, commands=keys.commands, keys=shown_keys if keys.is_there else "")
    with messages_held_back(front.in_place and sys.stderr.isatty()):
        try:
            yield front
        finally:
            front.close()


def _movements(options: argparse.Namespace, folder: Folder) -> list[str]:
    """Returns the names given, else those of the last recording in the folder."""
    if options.movements:
        return [name.strip(" ") for name in options.movements.split(",")]
    return folder.last_movements(options.subject)


def _unit(options: argparse.Namespace, source: Source) -> str:
    """Returns the unit of the samples; empty if it is not known, but their size can be measured in the check."""
    said, given = source.info.unit, options.unit
    if said and given and said != given:
        raise ConfigError(f"--unit={given}: the source says that its samples are in {said}; leave --unit out")
    unit = given or said
    if options.range is None and usual_range(unit) is None and not options.check:
        raise ConfigError(
            f"the source does not say the unit of its samples ({unit or 'none'}), and without a check their size is "
            "not known: give --unit=uV, or --range and the largest value of a sample"
        )
    return unit


def _checked(
    options: argparse.Namespace, source: Source, chunks: Iterator[np.ndarray], keys: Keyboard, *, unit: str
) -> tuple[Ending, list[Electrode], float]:
    """Checks the electrodes, again if the person wants it; see `check_electrodes`."""
    if not options.check:
        return Ending(COMPLETE, Counter()), [], 0.0
    while True:
        with _terminal(source, keys, CHECK_KEYS) as front:
            ending, electrodes, strongest = check_electrodes(
                chunks,
                source.info,
                front,
                seconds=options.check,
                mains_hz=options.mains,
                source_problems=source.problems,
                idle_s=options.idle,
            )
        if not electrodes:
            return ending, electrodes, strongest
        print("\n".join(table(electrodes, unit=unit)), flush=True)
        if not keys.is_there or not any(one.fault for one in electrodes):
            return ending, electrodes, strongest
        print(AFTER_CHECK, flush=True)
        for _ in chunks:  # samples go on coming, and are not kept
            commands = keys.commands()
            if "end" in commands:
                return Ending("ended after the electrode check", Counter()), electrodes, strongest
            if "pause" in commands:
                return ending, electrodes, strongest
            if "repeat" in commands:
                break
        else:
            return Ending("the source ended", Counter(), failed=True), electrodes, strongest


def _summary(
    options: argparse.Namespace, writer: RunWriter, session: Session, ending: Ending, problems: Counter[str]
) -> list[str]:
    good = Counter(trial.movement for trial in session.finished if trial.status == "good")
    others = Counter(trial.status for trial in session.finished if trial.status != "good")
    each = ", ".join(f"{movement} {count}" for movement, count in good.items()) or "none to its end"
    lines = [] if ending.complete else [f"not all was recorded: {ending.reason}"]
    lines += [
        f"{writer.path}: {writer.samples / writer.rate_hz:.1f} s at {writer.rate_hz:g} Hz",
        f"movements that were held: {each}",
        *(f"movements that were {status} and do not count: {count}" for status, count in others.items()),
        *(f"channel {name}: {count} samples were lost" for name, count in writer.lost.items()),
        *(
            f"channel {name}: {count} samples were beyond the range and are cut; next time give a larger --range"
            for name, count in writer.clipped.items()
        ),
        *(f"{what}: {count}" for what, count in problems.most_common()),
    ]
    if good:
        lines.append(f"next: finjax fit {shlex.quote(options.folder)}")
    return lines
