"""Who may see the page: a browser on this machine that was given the token.

Other users of the machine can connect to a port of the loopback interface, and any web page that the user visits can
make the browser send requests to it. So every request needs the token, and must name this server as its host
(a foreign host name that points to 127.0.0.1 is DNS rebinding) and as its origin.
"""

import hmac
from typing import Any
from urllib.parse import parse_qs

REFUSAL = b"403: open the whole address that finjax has printed, with its token.\n"
HEADERS = [
    (b"referrer-policy", b"no-referrer"),  # the address may hold the token
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"frame-ancestors 'none'"),  # no other page may show this one and catch clicks
]


class Guard:
    """Lets requests pass that have the token, and answers all others with 403; an ASGI application.

    The token comes in the address of the first request (`?token=…`) and from then on in a cookie.

    Args:
        app: the application behind it.
        token: the secret.
        port: the port of the server; it is part of the cookie's name, as browsers do not tell cookies of ports apart.
    """

    def __init__(self, app: Any, *, token: str, port: int):
        self.app, self._token, self._cookie = app, token, f"finjax_{port}"
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        if port == 80:
            self._hosts |= {"127.0.0.1", "localhost"}

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Handles a request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
        if not self._comes_from_here(headers) or not (self._is_token(given) or self._has_cookie(headers)):
            await _refuse(scope, receive, send)
            return
        extra = list(HEADERS)
        if self._is_token(given):
            extra.append((b"set-cookie", f"{self._cookie}={given}; Path=/; HttpOnly; SameSite=Strict".encode()))

        async def send_with_headers(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *extra]}
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def _comes_from_here(self, headers: dict[str, str]) -> bool:
        origin = headers.get("origin")
        return headers.get("host") in self._hosts and (
            origin is None or origin in {f"http://{host}" for host in self._hosts}
        )

    def _has_cookie(self, headers: dict[str, str]) -> bool:
        cookies = (cookie.strip().partition("=") for cookie in headers.get("cookie", "").split(";"))
        return any(name == self._cookie and self._is_token(value) for name, _, value in cookies)

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self._token.encode())


async def _refuse(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()  # the request to connect
        await send({"type": "websocket.close", "code": 1008})  # before it was accepted: the server answers with 403
        return
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(REFUSAL)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": REFUSAL})
