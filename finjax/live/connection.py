"""A TCP connection that sends lines and never blocks: it connects and reconnects while the decoder runs."""

import errno
import selectors
import socket
import time

AT_START_S = 0.5  # how long to wait for the receiver before the stream begins
GIVE_UP_S = 3.0  # an attempt fails if the host has not answered by then
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0  # between attempts; each pause is twice the one before


class Connection:
    """Connects to a receiver that listens, and to the next of its addresses where one fails.

    Args:
        addresses: family and address of each, see `look_up`.
    """

    def __init__(self, addresses: list[tuple[socket.AddressFamily, tuple]]):
        self._addresses, self._attempts = addresses, 0
        self._socket: socket.socket | None = None
        self._ready = False
        self._rest = b""  # the unsent part of the last line
        self._pause_s, self._next, self._began = SHORTEST_PAUSE_S, 0.0, 0.0
        until = time.monotonic() + AT_START_S
        while not self._is_ready(wait_s=until - time.monotonic()) and time.monotonic() < until:
            time.sleep(SHORTEST_PAUSE_S)

    def send(self, line: bytes) -> None:
        """Sends a line at once.

        Raises:
            OSError: the line was not sent: there is no connection, or the receiver is slow.
        """
        if not self._is_ready():
            raise ConnectionError("no connection")
        assert self._socket is not None  # a connection that is ready has a socket
        try:
            while self._rest:  # finish the last line first: the receiver cannot read half a line
                self._rest = self._rest[self._socket.send(self._rest) :]
            self._rest = line[self._socket.send(line) :]
        except BlockingIOError:  # the receiver is slow: drop this line and keep the connection
            raise
        except OSError:
            self._fail()
            raise

    def close(self) -> None:
        """Closes the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._ready, self._rest = None, False, b""

    def _is_ready(self, *, wait_s: float = 0.0) -> bool:
        """Returns whether the connection is up; begins an attempt to connect if it is time for one."""
        if self._ready:
            return True
        if self._socket is None and not self._begin():
            return False
        assert self._socket is not None  # `_begin` made one
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_WRITE)
            answered = selector.select(timeout=max(0.0, wait_s))
        if answered and not self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._ready, self._pause_s = True, SHORTEST_PAUSE_S
        elif answered or time.monotonic() - self._began > GIVE_UP_S:
            self._fail()
        return self._ready

    def _begin(self) -> bool:
        """Begins an attempt to connect; returns False if it failed, or if it is too early for one."""
        if time.monotonic() < self._next:
            return False
        family, address = self._addresses[self._attempts % len(self._addresses)]
        self._attempts += 1
        self._began = time.monotonic()
        try:
            self._socket = socket.socket(family, socket.SOCK_STREAM)
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # send each line at once
            code = self._socket.connect_ex(address)
        except OSError as error:
            code = error.errno
        if code not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN):
            self._fail()
            return False
        return True

    def _fail(self) -> None:
        """Closes the connection, and sets the time of the next attempt."""
        self.close()
        if self._attempts % len(self._addresses) == 0:
            self._next = time.monotonic() + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
