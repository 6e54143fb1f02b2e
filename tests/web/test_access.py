"""Who may see the page: requests without the token, from other hosts or other pages are refused."""

import asyncio

import pytest

from finjax.web.access import Guard

TOKEN = "s3cret"


async def _application(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})
        await send({"type": "http.response.body", "body": b"data"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})


def answer(*, kind="http", query="", port=8080, **headers) -> list[dict]:
    """What the guard sends on a request."""
    headers = {"host": "127.0.0.1:8080"} | headers
    scope = {
        "type": kind,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    sent = []

    async def receive():
        return {"type": f"{kind}.connect"}

    async def send(message):
        sent.append(message)

    asyncio.run(Guard(_application, token=TOKEN, port=port)(scope, receive, send))
    return sent


def status(**request) -> int:
    return answer(**request)[0]["status"]


def test_the_token_opens_the_page_and_is_kept_in_a_cookie():
    start, body = answer(query=f"token={TOKEN}")
    assert start["status"] == 200 and body["body"] == b"data"
    headers = dict(start["headers"])
    assert headers[b"set-cookie"] == b"finjax_8080=s3cret; Path=/; HttpOnly; SameSite=Strict"
    assert headers[b"referrer-policy"] == b"no-referrer" and headers[b"x"] == b"y"
    start, _ = answer(cookie="other=1; finjax_8080=s3cret; odd{name}=2")
    assert start["status"] == 200 and b"set-cookie" not in dict(start["headers"])


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"query": "token="},
        {"query": "token=s3cre"},
        {"query": "token=s%C3%A9cret"},
        {"cookie": "finjax_8080=wrong"},
        {"cookie": "finjax_8081=s3cret"},  # of a session at another port
        {"cookie": "xfinjax_8080=s3cret"},
    ],
)
def test_without_the_token_nothing_is_shown(request_):
    sent = answer(**request_)
    assert sent[0]["status"] == 403
    assert all(b"data" not in message.get("body", b"") for message in sent)


@pytest.mark.parametrize("host", ["evil.example:8080", "127.0.0.1:8081", "127.0.0.1", "192.168.0.3:8080", ""])
def test_other_hosts_are_refused_although_the_token_is_right(host):
    assert status(query=f"token={TOKEN}", host=host) == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:9999", "null", "https://127.0.0.1:8080"])
def test_other_pages_are_refused_although_the_browser_sends_the_cookie(origin):
    assert status(cookie=f"finjax_8080={TOKEN}", origin=origin) == 403
    assert answer(kind="websocket", cookie=f"finjax_8080={TOKEN}", origin=origin) == [
        {"type": "websocket.close", "code": 1008}
    ]


def test_the_own_page_may_ask():
    for host in ("127.0.0.1:8080", "localhost:8080"):
        assert status(cookie=f"finjax_8080={TOKEN}", origin=f"http://{host}", host=host) == 200
    assert status(query=f"token={TOKEN}", host="localhost", port=80) == 200


def test_web_sockets_need_the_token_too():
    assert answer(kind="websocket") == [{"type": "websocket.close", "code": 1008}]
    assert answer(kind="websocket", cookie=f"finjax_8080={TOKEN}") == [{"type": "websocket.accept"}]


def test_starting_and_stopping_the_server_is_no_request():
    assert answer(kind="lifespan") == []
