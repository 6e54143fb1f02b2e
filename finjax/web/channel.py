"""Messages between the process that decodes and the web server, over a socket that never blocks the decoder.

A message is JSON; on the wire its length in bytes comes first.
"""

import asyncio
import json
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

HEAD = struct.Struct(">I")  # the length of a message in bytes
LONGEST = 16 << 20  # bytes of a message; more means that the two sides are out of step
WAITING = 400  # messages that may wait for the other process, which takes seconds to start
AT_ONCE = 1 << 16  # bytes to receive at a time


def packed(message: dict[str, Any]) -> bytes:
    """Returns a message as it goes over the wire."""
    content = json.dumps(message, separators=(",", ":")).encode()
    return HEAD.pack(len(content)) + content


class Channel:
    """The decoder's end: sends and receives without waiting.

    If the other process does not read, the oldest waiting messages are lost. If it has ended, nothing is sent.

    Args:
        end: a connected socket; this object closes it.

    Attributes:
        lost: messages that the other process did not take.
        is_open: whether the other process is still there.
    """

    def __init__(self, end: socket.socket):
        end.setblocking(False)
        self._socket = end
        self._waiting: deque[bytes] = deque()
        self._rest = b""  # the unsent part of a message that has begun
        self._received = b""
        self.lost, self.is_open = 0, True

    def send(self, message: dict[str, Any]) -> None:
        """Sends a message, now or as soon as the other process reads; never waits."""
        if not self.is_open:
            return
        if len(self._waiting) == WAITING:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(packed(message))
        self._flush()

    def receive(self) -> list[dict[str, Any]]:
        """Returns the messages that have arrived; never waits."""
        found: list[dict[str, Any]] = []
        self._flush()
        while self.is_open:
            try:
                content = self._socket.recv(AT_ONCE)
            except BlockingIOError:
                break
            except OSError:
                content = b""
            if not content:
                self._end()
            self._received += content
            while (message := self._next()) is not None:
                found.append(message)
        return found

    def close(self) -> None:
        """Ends the connection; the other process notices it."""
        self._end()

    def _next(self) -> dict[str, Any] | None:
        """Takes the next whole message out of what was received; None if there is none yet."""
        if len(self._received) < HEAD.size:
            return None
        (length,) = HEAD.unpack_from(self._received)
        if length > LONGEST:
            self._end()
            return None
        stop = HEAD.size + length
        if len(self._received) < stop:
            return None
        content, self._received = self._received[HEAD.size : stop], self._received[stop:]
        return json.loads(content)

    def _flush(self) -> None:
        """Sends what the socket takes at once."""
        while self.is_open and (self._rest or self._waiting):
            self._rest = self._rest or self._waiting.popleft()
            try:
                self._rest = self._rest[self._socket.send(self._rest) :]
            except BlockingIOError:
                return
            except OSError:
                self._end()

    def _end(self) -> None:
        self._socket.close()
        self.is_open, self._rest, self._received = False, b"", b""
        self._waiting.clear()


class ServerEnd:
    """The web server's end, for asyncio.

    Args:
        reader: gives the bytes from the decoder.
        writer: takes the bytes for the decoder.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._reader, self._writer = reader, writer

    @classmethod
    async def of(cls, end: socket.socket) -> "ServerEnd":
        """Returns the end that uses a connected socket."""
        return cls(*await asyncio.open_connection(sock=end))

    def send(self, message: dict[str, Any]) -> None:
        """Sends a message."""
        self._writer.write(packed(message))

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """Yields the messages from the decoder until its process ends."""
        try:
            while True:
                (length,) = HEAD.unpack(await self._reader.readexactly(HEAD.size))
                yield json.loads(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, OSError):  # the decoder has ended
            return
