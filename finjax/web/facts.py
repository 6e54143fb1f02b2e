"""What does not change during a session."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Facts:
    """What the web server needs to know from the start.

    Attributes:
        stream: name of the stream.
        unit: of its samples; empty: not known.
        run: folder of the decoder's run.
        rate_hz: samples per second.
        channel_names: C names.
        movement_names: K names.
        update_ms: time between decisions.
        column_ms: time that a column of the signals stands for.
        port: that the server listens at.
        token: the secret that every request needs.
    """

    stream: str
    unit: str
    run: str
    rate_hz: float
    channel_names: tuple[str, ...]
    movement_names: tuple[str, ...]
    update_ms: float
    column_ms: float
    port: int
    token: str
