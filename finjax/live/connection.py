"""A TCP connection for lines, which never waits: it is set up, used and set up again while decoding goes on."""

import errno
import selectors
import socket
import time

AT_START_S = 0.5  # how long a receiver may take to answer before the stream begins
GIVE_UP_S = 3.0  # on a host that does not answer an attempt
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
        self._rest = b""  # of a line that was sent in part
        self._pause_s, self._next, self._began = SHORTEST_PAUSE_S, 0.0, 0.0
        until = time.monotonic() + AT_START_S
        while not self._is_ready(wait_s=until - time.monotonic()) and time.monotonic() < until:
            time.sleep(SHORTEST_PAUSE_S)

    def send(self, line: bytes) -> None:
        """Sends a line at once.

        Raises:
            OSError: it could not be sent: there is no connection, or the receiver is slow.
        """
        if not self._is_ready():
            raise ConnectionError("no connection")
        try:
            while self._rest:  # half a line is of no use to anyone
                self._rest = self._rest[self._socket.send(self._rest) :]
            self._rest = line[self._socket.send(line) :]
        except BlockingIOError:  # the receiver is slow: this line is lost, the next may pass
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
        """Looks whether there is a connection, and begins an attempt if it is time for one."""
        if self._ready:
            return True
        if self._socket is None and not self._begin():
            return False
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_WRITE)
            answered = selector.select(timeout=max(0.0, wait_s))
        if answered and not self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._ready, self._pause_s = True, SHORTEST_PAUSE_S
        elif answered or time.monotonic() - self._began > GIVE_UP_S:
            self._fail()
        return self._ready

    def _begin(self) -> bool:
        """Begins an attempt; returns whether one is under way."""
        if time.monotonic() < self._next:
            return False
        family, address = self._addresses[self._attempts % len(self._addresses)]
        self._attempts += 1
        self._began = time.monotonic()
        try:
            self._socket = socket.socket(family, socket.SOCK_STREAM)
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a line must not wait for the next
            code = self._socket.connect_ex(address)
        except OSError as error:
            code = error.errno
        if code not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN):
            self._fail()
            return False
        return True

    def _fail(self) -> None:
        """Gives up the connection or attempt, and says when the next may be."""
        self.close()
        if self._attempts % len(self._addresses) == 0:
            self._next = time.monotonic() + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
