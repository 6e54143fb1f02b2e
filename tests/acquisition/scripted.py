"""Sources and fronts that do what a script says."""

from collections import Counter

import numpy as np

from finjax.sources.source import StreamInfo

RATE_HZ = 250.0


class Scripted:
    """Yields chunks; other things in the script are called, such as a function that raises."""

    def __init__(self, script, *, rate_hz=RATE_HZ, names=("a", "b"), unit="uV"):
        self.info = StreamInfo(name="scripted", rate_hz=rate_hz, channel_names=names, unit=unit)
        self.problems = Counter()
        self.closed = False
        self._script = script

    def __iter__(self):
        for one in self._script:
            if callable(one):
                one()
            else:
                yield one

    def close(self):
        self.closed = True


def noise(seconds, *, rate_hz=RATE_HZ, channels=2, chunk=25, size=50.0, seed=0):
    """Chunks of noise."""
    samples = size * np.random.default_rng(seed).standard_normal((round(seconds * rate_hz), channels))
    return np.array_split(samples.astype(np.float32), range(chunk, len(samples), chunk))


NOTHING = np.zeros((0, 2), np.float32)


class Front:
    """Keeps what it is shown, and gives commands when a condition on the prompt first holds.

    Args:
        commands: pairs of a condition and a command, used in order.
    """

    def __init__(self, *commands):
        self.shown = []
        self._commands = list(commands)

    def show(self, prompt, level, *, silent_s):
        self.shown.append((prompt, level.copy(), silent_s))

    def commands(self):
        if self._commands and self.shown and self._commands[0][0](self.shown[-1][0]):
            return [self._commands.pop(0)[1]]
        return []


def in_phase(phase, movement=None, *, paused=None):
    """A condition on a prompt."""
    return lambda prompt: (
        prompt.phase == phase and movement in (None, prompt.movement) and paused in (None, prompt.paused)
    )
