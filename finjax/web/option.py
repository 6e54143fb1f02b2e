"""What the live page adds to `finjax live`: its options, and the page itself."""

import argparse

from finjax.data.durations import duration_ms
from finjax.errors import FinjaxError
from finjax.live.addition import LiveSession
from finjax.live.loop import Operator
from finjax.system.addresses import check_port
from finjax.web.page import LivePage, check_installed

PORT = 8080


class WebOption:
    """The option `--web`; see `Addition`."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """See `Addition`."""
        web = parser.add_argument_group("page in the browser")
        web.add_argument("--web", action="store_true", help="show the session on a page, whose address is printed")
        web.add_argument("--port", type=int, default=PORT, help="of the page; 0: any free one (%(default)s)")

    def check(self, options: argparse.Namespace) -> None:
        """See `Addition`."""
        check_port(options.port, where=f"--port={options.port}")
        if options.web:
            check_installed()
        elif options.port != PORT:
            raise FinjaxError(f"--port={options.port} is the port of the page: it needs --web")

    def open(self, options: argparse.Namespace, session: LiveSession) -> Operator | None:
        """See `Addition`."""
        if not options.web:
            return None
        rate_hz = session.decoder.rate_hz
        page = LivePage(
            session,
            settings={
                "vote": options.vote,
                "least_probability": options.least_probability,
                "dwell_ms": duration_ms(options.dwell, rate_hz, option="--dwell") if options.dwell else 0.0,
            },
            subject=options.subject,
            port=options.port,
        )
        print(f"live page, for browsers on this machine: {page.url}", flush=True)
        return page
