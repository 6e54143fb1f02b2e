"""Checks hosts and ports, and looks hosts up."""

import re
import socket

from finjax.errors import FinjaxError

LARGEST_PORT = 65_535
ADDRESS = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<name>[^\[\]:]*)):(?P<port>[0-9]{1,5})")


def check_port(port: int, *, where: str, lowest: int = 0) -> int:
    """Returns the port, or raises `FinjaxError` if it is out of range; `where` is the option and its value."""
    if not lowest <= port <= LARGEST_PORT:
        raise FinjaxError(f"{where}: give a port from {lowest} to {LARGEST_PORT}")
    return port


def bound(kind: socket.SocketKind, port: int, *, where: str) -> socket.socket:
    """Returns a socket that is bound to a port of the loopback interface.

    Args:
        kind: of the socket, `SOCK_STREAM` or `SOCK_DGRAM`.
        port: of this machine; 0: any free one.
        where: the option and its value, for messages.

    Raises:
        FinjaxError: the port is out of range or in use.
    """
    check_port(port, where=where)
    made = socket.socket(socket.AF_INET, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind(("127.0.0.1", port))
    except OSError as error:
        made.close()
        raise FinjaxError(
            f"{where}: cannot listen at port {port} ({error.strerror}); choose another, or 0 for any free one"
        ) from error
    return made


def parse(address: str, *, option: str) -> tuple[str, int]:
    """Returns host and port of a receiver's address, or raises `FinjaxError` if it is not valid."""
    where = f"--{option}={address}"
    if not (found := ADDRESS.fullmatch(address)):
        raise FinjaxError(f"{where}: give host:port, as 127.0.0.1:12346 or [::1]:12346")
    return found["v6"] or found["name"] or "127.0.0.1", check_port(int(found["port"]), where=where, lowest=1)


def look_up(address: str, protocol: str, *, option: str) -> list[tuple[socket.AddressFamily, tuple]]:
    """Returns the addresses of a receiver, each as family and the argument of `connect`; IPv4 comes first.

    A name server may take seconds to answer, so call this before the stream begins.

    Args:
        address: host and port, as `"127.0.0.1:12346"`, `"robot-hand.local:5005"` or `"[::1]:5005"`; without a host
            this machine.
        protocol: `"tcp"` or `"udp"`.
        option: the option that gave the address, for messages.

    Raises:
        FinjaxError: the address is not valid, or the host is not known.
    """
    host, port = parse(address, option=option)
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    try:
        answers = socket.getaddrinfo(host, port, type=kind)
    except (OSError, ValueError) as error:  # ValueError: not a valid name
        reason = getattr(error, "strerror", None) or error
        where = f"--{option}={address}"
        raise FinjaxError(f"{where}: host {host} was not found ({reason}); check the name or give a number") from error
    addresses = [(family, place) for family, _, _, _, place in answers]
    return sorted(addresses, key=lambda one: one[0] != socket.AF_INET)
