"""Addresses of receivers: checked, and looked up once."""

import re
import socket
from collections import Counter

import numpy as np
import pytest
from decisions import NAMES, decision

from finjax.errors import FinjaxError
from finjax.live.sinks import Port
from finjax.system.addresses import look_up


@pytest.fixture
def answers(monkeypatch):
    """What servers of names answer, and how often they were asked."""
    asked = Counter()

    def getaddrinfo(host, port, *, type):
        asked[host] += 1
        if host == "hand.local":
            six = (socket.AF_INET6, type, 0, "", ("::1", port, 0, 0))
            return [six, (socket.AF_INET, type, 0, "", ("127.0.0.1", port))]
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("finjax.system.addresses.socket.getaddrinfo", getaddrinfo)
    return asked


def test_a_name_is_looked_up_once(answers):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        port = Port("udp", f"hand.local:{receiver.getsockname()[1]}", NAMES)
        for _ in range(3):
            port(decision(), np.zeros(1))
            assert receiver.recv(10) == b"1\n"
        port.close()
    assert answers == {"hand.local": 1} and not port.problems


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_an_unknown_name_is_one_error_at_the_start(answers, protocol):
    with pytest.raises(FinjaxError, match=f"--to-{protocol}=robot:5: host robot was not found .Name or service"):
        Port(protocol, "robot:5", NAMES)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:70000", "give a port from 1 to 65535"),
        ("127.0.0.1:0", "give a port from 1 to 65535"),
        ("127.0.0.1:²", "give host:port"),
        ("127.0.0.1:٣", "give host:port"),
        ("127.0.0.1:-1", "give host:port"),
        ("127.0.0.1:5 ", "give host:port"),
        ("::1:5005", "give host:port"),
        ("[::1]5005", "give host:port"),
        ("hand", "give host:port"),
        (":", "give host:port"),
        (f"{'a' * 70}.b:5", "was not found"),
        ("a\0b:5", "was not found"),
        ("[hand:5", "give host:port"),
    ],
)
@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_a_malformed_address_is_refused(address, message, protocol):
    with pytest.raises(FinjaxError, match=f"^--to-{protocol}={re.escape(address)}: .*{message}"):
        look_up(address, protocol, option=f"to-{protocol}")


def test_ipv6_in_brackets_and_a_port_alone_are_addresses():
    (family, address), *_ = look_up("[::1]:5005", "udp", option="to-udp")
    assert family == socket.AF_INET6 and address[:2] == ("::1", 5005)
    assert look_up(":5005", "udp", option="to-udp")[0] == (socket.AF_INET, ("127.0.0.1", 5005))
