"""The channel between decoder and web server: nothing waits, and memory is bounded."""

import asyncio
import socket
import time

import pytest

from finjax.web import channel
from finjax.web.channel import Channel, ServerEnd, packed


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    yield Channel(ours), theirs
    ours.close()
    theirs.close()


def received(end: socket.socket, count: int) -> list[dict]:
    """What the server reads: that many messages, or all until the end."""

    async def read() -> list[dict]:
        found = []
        server = await ServerEnd.of(end)
        async for message in server.messages():
            found.append(message)
            if len(found) == count:
                break
        return found

    return asyncio.run(asyncio.wait_for(read(), timeout=30))


def test_messages_arrive_whole_and_in_order(ends):
    ours, theirs = ends
    for number in range(20):
        ours.send({"number": number, "text": "µ" * number})
    assert received(theirs, 20) == [{"number": number, "text": "µ" * number} for number in range(20)]


def test_commands_arrive_in_whatever_pieces_they_come(ends):
    ours, theirs = ends
    content = packed({"do": "pause"}) + packed({"do": "start"})
    found = []
    for at in range(len(content)):
        theirs.sendall(content[at : at + 1])
        found += ours.receive()
    assert found == [{"do": "pause"}, {"do": "start"}]
    assert ours.receive() == [] and ours.is_open


def test_a_server_that_does_not_read_loses_the_oldest_messages_and_nothing_waits(ends):
    ours, theirs = ends
    began, count = time.monotonic(), 3000
    for number in range(count):
        ours.send({"number": number, "text": "x" * 5000})
    assert time.monotonic() - began < 30  # a channel that waits would wait for ever
    assert 0 < ours.lost < count
    assert len(ours._waiting) <= channel.WAITING

    async def read_all() -> list[int]:
        server, found = await ServerEnd.of(theirs), []
        async for message in server.messages():
            found.append(message["number"])
            ours.receive()  # sends what has waited
            if message["number"] == count - 1:
                return found
        return found

    numbers = asyncio.run(asyncio.wait_for(read_all(), timeout=30))
    assert numbers == sorted(set(numbers))  # in order, none twice and none torn
    assert numbers[0] == 0 and numbers[-1] == count - 1
    assert len(numbers) + ours.lost == count


def test_the_end_of_the_server_is_noticed_and_stops_nothing(ends):
    ours, theirs = ends
    theirs.sendall(packed({"do": "pause"}))
    theirs.close()
    assert ours.receive() == [{"do": "pause"}]
    assert not ours.is_open
    ours.send({"number": 1})
    assert ours.receive() == []


def test_a_channel_that_is_out_of_step_is_closed(ends):
    ours, theirs = ends
    theirs.sendall(b"\xff" * 8)
    assert ours.receive() == []
    assert not ours.is_open


def test_the_server_reads_until_the_decoder_ends(ends):
    ours, theirs = ends
    ours.send({"number": 1})
    ours.close()
    assert received(theirs, 99) == [{"number": 1}]
