"""The live program on streams of each kind: steady, too fast, too slow, broken off, full of garbage, absent."""

import contextlib
import json
import re
import socket
import threading
import time

import numpy as np
import pytest

from finjax.live.__main__ import main
from finjax.sources import brainflow_board, lab_stream, rate

CHANNELS, RATE_HZ = 12, 2000.0
CHUNK = 40  # samples, 20 ms


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Rates are measured over a short time, and what is lost is noticed soon."""
    monkeypatch.setattr(rate, "PERIOD_S", 0.5)
    monkeypatch.setattr(rate, "WARM_UP_S", 0.1)
    monkeypatch.setattr(lab_stream, "FIND_S", 0.5)
    monkeypatch.setattr(brainflow_board, "STOPPED_S", 0.5)


@pytest.fixture
def session(small_decoder, tmp_path, capsys):
    """Runs a session on a source; returns its exit status, its decisions and what it printed."""

    def run(*options):
        path = tmp_path / "decisions.jsonl"
        status = main([str(small_decoder), "--quiet", "--update=100ms", f"--to-file={path}", *options])
        return status, [json.loads(line) for line in path.read_text().splitlines()], "".join(capsys.readouterr())

    return run


def noise(count=2000):
    return np.random.default_rng(0).normal(size=(count, CHANNELS)).astype(np.float32)


@contextlib.contextmanager
def running(step, *, times=1.0):
    """Calls a function for each chunk of a stream from a thread, until the end of the context."""
    ended = threading.Event()

    def send():
        begun, sent = time.monotonic(), 0
        while not ended.wait(max(0.0, begun + sent * CHUNK / RATE_HZ / times - time.monotonic())):
            step(sent)
            sent += 1

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def text_of(chunk):
    return "".join(f"{' '.join(f'{value:.4f}' for value in sample)}\n" for sample in chunk).encode()


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def lab_stream_of(content, **settings):
    from lab_streams import outlet

    stream = outlet("live", channels=CHANNELS, rate_hz=RATE_HZ)
    with running(lambda _: stream.push_chunk(content.tolist()), **settings):
        yield "lsl:live"


@contextlib.contextmanager
def datagrams_of(content, **settings):
    port = free_port(socket.SOCK_DGRAM)
    parts = [text_of(part) for part in np.array_split(content, 4)]  # below the longest datagram
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        running(lambda _: [sender.sendto(part, ("127.0.0.1", port)) for part in parts], **settings),
    ):
        yield f"udp:{port}"


@contextlib.contextmanager
def connection_of(content, *, breaks_off_after=None, **settings):
    """Sends over TCP; after so many chunks it disconnects, and connects again."""
    port, sender, text = free_port(socket.SOCK_STREAM), [], text_of(content)

    def step(sent):
        if breaks_off_after and sent == breaks_off_after:
            sender.pop().close()
        try:
            if not sender:
                sender.append(socket.create_connection(("127.0.0.1", port), timeout=5))
            sender[0].sendall(text)
        except OSError:  # finjax does not listen yet, or has ended
            for one in sender:
                one.close()
            sender.clear()

    with running(step, **settings):
        yield f"tcp:{port}"
    for one in sender:
        one.close()


SENDERS = {"lsl": lab_stream_of, "udp": datagrams_of, "tcp": connection_of}


@pytest.fixture(params=SENDERS)
def sender(request):
    if request.param == "lsl":
        pytest.importorskip("pylsl", reason="pylsl is not installed: pip install -e '.[lsl]'")
    return SENDERS[request.param]


def test_a_steady_stream_is_decoded(sender, session):
    with sender(noise(CHUNK)) as source:
        status, decisions, printed = session(f"--source={source}", "--seconds=1.5")
    assert status == 0 and len(decisions) > 5
    assert re.search(r"^source: (live|(tcp|udp) port \d+), 12 channels at 2000 Hz$", printed, re.MULTILINE)
    assert "lost" not in printed and "lines" not in printed


def test_a_stream_that_is_ten_times_too_fast_is_survived_and_reported(sender, session):
    with sender(noise(CHUNK), times=10.0) as source:
        status, decisions, printed = session(f"--source={source}", "--seconds=2")
    assert status == 0 and decisions[-1]["time_s"] > 3.0  # of the stream
    ran_at = re.findall(r"the stream ran at (\S+) instead of 2000 samples per second: \d+", printed)
    assert ran_at and max(map(float, ran_at)) > 2 * RATE_HZ


def test_a_stream_that_is_half_as_fast_is_reported(sender, session):
    with sender(noise(CHUNK), times=0.5) as source:
        status, decisions, printed = session(f"--source={source}", "--seconds=2")
    assert status == 0 and decisions
    ran_at = re.findall(r"the stream ran at (\S+) instead of 2000 samples per second: \d+", printed)
    assert ran_at and min(map(float, ran_at)) < RATE_HZ


def test_an_electrode_that_sends_no_numbers_is_a_fault_and_the_others_are_decoded(sender, session):
    content = noise(CHUNK)
    content[:, 3] = np.nan
    with sender(content) as source:
        status, decisions, printed = session(f"--source={source}", "--seconds=1.5")
    assert status == 0 and decisions[-1]["faults"] == {"ring 4": "not finite"} and decisions[-1]["movement"]
    assert "ring 4: not finite" in printed


def test_a_stream_that_says_nothing_ends_after_the_idle_time(sender, session):
    with sender(noise(CHUNK), times=1e-6) as source:
        status, _, printed = session(f"--source={source}", "--idle=1.5")
    assert status == 0
    assert "no samples came for 1 s" in printed


def test_a_sender_that_disconnects_and_connects_again_is_decoded_again(session):
    with connection_of(noise(CHUNK), breaks_off_after=40) as source:
        status, decisions, printed = session(f"--source={source}", "--seconds=2.5")
    assert status == 0 and decisions[-1]["time_s"] > 1.0  # more than the first part
    assert "times that the sender disconnected: 1" in printed


def test_lines_of_garbage_are_counted_and_the_others_are_decoded(session):
    port = free_port(socket.SOCK_DGRAM)
    rubbish = [b"\xff\x00\x01 binary", b"<html>", b"1 2 3", b"nan", text_of(noise(1)).replace(b".", b"x")]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:

        def step(sent):
            for content in (text_of(noise(CHUNK)), rubbish[sent % len(rubbish)]):
                out.sendto(content, ("127.0.0.1", port))

        with running(step):
            status, decisions, printed = session(f"--udp={port}", "--seconds=2")
    assert status == 0 and decisions
    assert "lines without 12 numbers: " in printed and "lines with text that is not a number: " in printed


def test_a_lab_stream_that_comes_back_is_decoded_again(session):
    lab_streams = pytest.importorskip("lab_streams")
    streams = [lab_streams.outlet("returns", channels=CHANNELS, rate_hz=RATE_HZ)]
    content = noise(CHUNK).tolist()

    def step(sent):
        if sent == 50:
            streams.clear()
        if sent == 75:
            streams.append(lab_streams.outlet("returns", channels=CHANNELS, rate_hz=RATE_HZ))
        for stream in streams:
            stream.push_chunk(content)

    with running(step):
        status, decisions, printed = session("--lsl=returns", "--seconds=4.5")
    assert status == 0 and decisions[-1]["time_s"] > 1.5
    assert "times that the LSL stream was lost: 1" in printed


@pytest.fixture
def played(tmp_path):
    """A recording of a board with the rate of the decoder and more EMG channels, which BrainFlow plays."""
    pytest.importorskip("brainflow", reason="brainflow is not installed: pip install -e '.[brainflow]'")
    from finjax.sources.brainflow_text import load_brainflow

    shim = load_brainflow("test")
    described = shim.BoardShim.get_board_descr(shim.BoardIds.ANT_NEURO_EE_214_BOARD)

    def write(signal, *, times=1.0):
        rows = np.zeros((len(signal), described["num_rows"]))
        rows[:, described["emg_channels"][:CHANNELS]] = signal
        rows[:, described["package_num_channel"]] = np.arange(len(signal)) % 256
        rows[:, described["timestamp_channel"]] = 1e9 + np.arange(len(signal)) / RATE_HZ / times
        np.savetxt(tmp_path / "board.csv", rows, fmt="%.6f", delimiter="\t")
        board = f"playback_file?master_board=ant_neuro_ee_214&file={tmp_path / 'board.csv'}"
        return f"--source=brainflow:{board}&channels=1-12"

    return write


def test_a_board_is_decoded_and_its_session_is_released(session, played):
    for _ in range(2):
        status, decisions, printed = session(played(noise(3000)))
        # 1.5 s: a first decision after the window of 0.3 s, then one every 100 ms.
        assert status == 0 and len(decisions) == 13
        assert "source: BrainFlow AntNeuroEE214, 12 channels at 2000 Hz" in printed


def test_a_board_that_is_ten_times_too_fast_is_survived_and_reported(session, played):
    status, decisions, printed = session(played(noise(30_000), times=10.0))
    assert status == 0 and len(decisions) == 148
    assert re.search(r"the stream ran at \S+ instead of 2000 samples per second: 1", printed)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("lsl:absent", "lsl:absent: no LSL stream of name 'absent'"),
        ("brainflow:ant_neuro_ee_214?channels=1-12", "BrainFlow cannot open the board ("),
        ("brainflow:synthetic", "the board has 16 channels at 250 Hz, but 12 channels at 2000 Hz are needed"),
        (
            "brainflow:synthetic?channels=1-12",
            "the board has 12 channels at 250 Hz, but 12 channels at 2000 Hz are needed",
        ),
    ],
)
def test_a_source_that_cannot_be_used_is_one_message(small_decoder, capsys, source, message):
    module = {"lsl": "pylsl", "brainflow": "brainflow"}[source.partition(":")[0]]
    pytest.importorskip(module, reason=f"{module} is not installed")
    assert main([str(small_decoder), f"--source={source}"]) == 1
    error = capsys.readouterr().err
    assert f"error: {source}: " in error and message in error


@pytest.mark.parametrize("source", ["foo", "tcp:x", "udp:70000", "synthetic:x"])
def test_a_source_that_is_none_is_refused_before_anything_is_loaded(capsys, source):
    assert main(["no/such/run", f"--source={source}"]) == 1
    assert source in capsys.readouterr().err


@pytest.mark.parametrize("other", ["--tcp=1", "--replay=2", "--lsl=x", "--source=udp:1"])
def test_two_sources_are_refused(capsys, other):
    with pytest.raises(SystemExit):
        main(["no/such/run", "--udp=1" if "udp" not in other else "--tcp=1", other])
    assert "not allowed with argument" in capsys.readouterr().err
