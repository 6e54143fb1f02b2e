"""What the web server knows of the session: the newest of everything that the decoder has sent."""

import asyncio
from collections.abc import Callable
from typing import Any

from finjax.web.columns import Picture, packed_columns, unpacked_columns
from finjax.web.facts import Facts

Decided = list[tuple[float, str | None]]  # times of decisions and their movements


class Mirror:
    """Keeps the newest columns, decision and state; its memory does not grow.

    Args:
        facts: what does not change.

    Attributes:
        facts: as given.
        state: the newest state of `LivePage`.
        ended: whether the session has ended.
        listeners: are called with the new decisions of every message.
    """

    def __init__(self, facts: Facts):
        self.facts = facts
        self.state: dict[str, Any] = {}
        self.ended = False
        self.listeners: set[Callable[[Decided], None]] = set()
        self._picture = Picture(len(facts.channel_names))
        self._newest: dict[str, Any] = {}
        self._number = 0  # messages so far
        self._changed = asyncio.Condition()

    async def take(self, message: dict[str, Any]) -> None:
        """Takes a message of `LivePage`."""
        self._picture.add(message["first"], unpacked_columns(message["columns"], len(self.facts.channel_names)))
        self.state = message.get("state", self.state)
        self._newest = {name: message.get(name) for name in ("latest", "calibration", "silent_s")}
        names = self.facts.movement_names
        decided = [(time_s, names[int(number)] if number >= 0 else None) for time_s, number in message["decisions"]]
        for listener in list(self.listeners):
            listener(decided)
        await self._tell()

    async def end(self) -> None:
        """Notes that the session has ended."""
        self.ended = True
        await self._tell()

    async def newer(self, number: int) -> int:
        """Waits for a message after that number, for a second at most; returns the number of the newest."""
        try:
            async with asyncio.timeout(1.0), self._changed:
                await self._changed.wait_for(lambda: self._number > number or self.ended)
        except TimeoutError:
            pass
        return self._number

    def content(self, seen: int | None) -> dict[str, Any]:
        """Returns what a browser shows, as JSON content.

        Args:
            seen: number of the first column that it has not seen; None: it shows no signals.
        """
        content = self._newest | {"state": self.state, "ended": self.ended}
        if seen is not None:
            first, columns = self._picture.since(seen)
            content |= {"first": first, "columns": packed_columns(columns), "end": self._picture.end}
        return content

    async def _tell(self) -> None:
        self._number += 1
        async with self._changed:
            self._changed.notify_all()
