"""The web server of the live page: a process of its own, which must not delay the decisions."""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from finjax.web.access import Guard
from finjax.web.channel import ServerEnd
from finjax.web.child import end_with_parent
from finjax.web.facts import Facts
from finjax.web.mirror import Mirror

ASSETS = Path(__file__).with_name("assets")
END_S = 2.0  # how long open pages may take to close
LONGEST_REQUEST = 10_000  # characters of a request over the web socket


def serve(facts: Facts, listening: socket.socket, end: socket.socket) -> None:
    """Serves the page until the process that decodes ends the connection; the main function of the process.

    Args:
        facts: what does not change.
        listening: a socket that listens.
        end: is connected to the process that decodes.
    """
    end_with_parent(ignored=("SIGINT", "SIGTERM", "SIGHUP"))
    os.dup2(2, 1)  # stdout belongs to the other process, which may draw on it
    asyncio.run(_serve(facts, listening, end))
    os._exit(0)  # a thread of a library must not keep the process


async def _serve(facts: Facts, listening: socket.socket, end: socket.socket) -> None:
    import uvicorn

    class WebServer(uvicorn.Server):
        """Leaves signals to the other process, which ends this one."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    decoder, mirror = await ServerEnd.of(end), Mirror(facts)
    application = build(mirror, decoder.send)
    guarded = Guard(application, token=facts.token, port=facts.port)
    config = uvicorn.Config(
        guarded, log_level="warning", access_log=False, timeout_graceful_shutdown=1, ws_max_size=LONGEST_REQUEST * 10
    )
    server = WebServer(config)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    async for message in decoder.messages():
        await mirror.take(message)
    await mirror.end()
    server.should_exit = True
    await asyncio.wait([running], timeout=END_S)


def build(mirror: Mirror, command: Callable[[dict[str, Any]], None]) -> Any:
    """Returns the application without its guard.

    Args:
        mirror: what the pages show.
        command: sends a command to the process that decodes.
    """
    from fastapi import FastAPI, WebSocket, WebSocketDisconnect
    from fastapi.staticfiles import StaticFiles
    from nicegui import app, run, ui

    from finjax.web.layout import add_page
    from finjax.web.play import Players, add_play_page

    application = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    application.mount("/assets", StaticFiles(directory=ASSETS))
    players = Players(mirror)

    @application.websocket("/stream")
    async def stream(connection: WebSocket, player: str = "") -> None:
        """Answers each request of a browser with what is new; a browser that is paused does not ask."""
        await connection.accept()
        number = 0
        try:
            while not mirror.ended:
                seen = _seen(await connection.receive_text())
                number = await mirror.newer(number)
                content = mirror.content(None if player else seen)
                if player:
                    content["game"] = players.state(player)
                await connection.send_text(json.dumps(content, separators=(",", ":")))
        except WebSocketDisconnect:
            pass

    def end_process_pool() -> None:
        """Frees the semaphores of a pool that is not used: if this process is killed, Python would warn of them."""
        if run.process_pool is not None:
            run.process_pool.shutdown()
            run.process_pool = None

    app.on_startup(end_process_pool)
    add_page(mirror, command)
    add_play_page(mirror, players)
    ui.run_with(
        application,
        title="finjax live",
        favicon=ASSETS / "icon.svg",
        reconnect_timeout=10.0,
        gzip_middleware_factory=None,  # nothing leaves this machine
        show_welcome_message=False,
        tailwind=False,
    )
    return application


def _seen(request: str) -> int:
    """Returns the column that a browser asks for; 0 if it asks for anything else."""
    try:
        return max(0, int(request[:LONGEST_REQUEST]))
    except ValueError:
        return 0
