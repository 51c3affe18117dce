"""The server behind the page: who gets in, and what is left behind. The windows run a small app, so that only the server is tested."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from studio.options import ServeOptions, StudioOptions
from studio.serve.auth import Guard, is_loopback
from studio.serve.server import StudioServer, serve
from studio.serve.session import clamp

APP = """
    import os
    from textual.app import App
    from studio.serve.session import die_with_parent, keep_stdout_clean
    die_with_parent()
    keep_stdout_clean()
    os.write(1, b"a stray write to descriptor 1")
    with open(os.environ["PID_FILE"], "a") as pids:
        print(os.getpid(), file=pids)
    class Small(App[None]):
        def on_key(self, event) -> None:
            if event.key == "q":
                self.exit()
    Small().run()
"""


class Running:
    """A server on a free port, and what it said."""

    def __init__(self, guard: Guard, server: StudioServer, pids: Path) -> None:
        self.guard = guard
        self.server = server
        self.pids = pids
        self.links: list[str] = []

    @property
    def url(self) -> str:
        return self.guard.origin

    def app_pids(self) -> list[int]:
        return [int(line) for line in self.pids.read_text().splitlines()] if self.pids.exists() else []


@pytest.fixture
async def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    script = tmp_path / "small.py"
    script.write_text(textwrap.dedent(APP))
    monkeypatch.setenv("PID_FILE", str(tmp_path / "pids"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["."] + ([os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else [])))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    guard = Guard("127.0.0.1", listener.getsockname()[1])
    server = StudioServer(StudioOptions(), ServeOptions(sessions=2), guard, command=[sys.executable, str(script)])
    found = Running(guard, server, tmp_path / "pids")
    guard.announce = found.links.append
    runner = web.AppRunner(await server._make_app(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    yield found
    await runner.cleanup()


@asynccontextmanager
async def browser(found: Running | None = None) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser; with a server given, one that is logged in."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        if found is not None:
            async with client.get(found.guard.fresh_link(), allow_redirects=False) as response:
                assert response.status == 303
        yield client


async def tab_of(client: aiohttp.ClientSession, found: Running) -> str:
    async with client.get(found.url + "/", allow_redirects=False) as response:
        assert response.status == 303
        return response.headers["Location"].removeprefix("/t/")


@asynccontextmanager
async def window(client: aiohttp.ClientSession, found: Running, tab: str | None = None) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    tab = tab or await tab_of(client, found)
    async with client.ws_connect(f"{found.url}/ws/{tab}?width=80&height=24", headers={"Origin": found.url}) as websocket:
        yield websocket


async def until_painted(websocket: aiohttp.ClientWebSocketResponse) -> None:
    while (message := await websocket.receive(timeout=15)).type is not aiohttp.WSMsgType.BINARY:
        assert message.type is aiohttp.WSMsgType.TEXT, message


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("path", ["/", "/t/abc", "/ws/abc", "/static/js/textual.js", "/page/page.js", "/download/abc"])
async def test_a_stranger_gets_nothing(running: Running, path: str) -> None:
    async with browser() as client, client.get(running.url + path) as response:
        assert response.status == 401


async def test_health_needs_no_cookie(running: Running) -> None:
    async with browser() as client, client.get(running.url + "/health") as response:
        assert response.status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost:{port}"])
async def test_another_host_name_is_refused(running: Running, host: str) -> None:
    header = {"Host": host.format(port=running.guard.port)}
    async with browser(running) as client, client.get(running.url + "/health", headers=header) as response:
        assert response.status == 421


async def test_a_link_works_once_and_the_next_is_announced(running: Running) -> None:
    link = running.guard.fresh_link()
    async with browser() as first, first.get(link, allow_redirects=False) as response:
        assert response.status == 303
        cookie = response.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
    async with browser() as second, second.get(link) as response:
        assert response.status == 401
    async with browser() as third, third.get(running.links[-1], allow_redirects=False) as response:
        assert response.status == 303


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://127.0.0.1:1", "https://127.0.0.1:{port}"])
async def test_a_foreign_origin_opens_no_window(running: Running, origin: str | None) -> None:
    async with browser(running) as client:
        tab = await tab_of(client, running)
        headers = {} if origin is None else {"Origin": origin.format(port=running.guard.port)}
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await client.ws_connect(f"{running.url}/ws/{tab}", headers=headers)
    assert caught.value.status == 403


async def test_a_tab_belongs_to_the_session_that_made_it(running: Running) -> None:
    async with browser(running) as mine, browser(running) as yours:
        tab = await tab_of(mine, running)
        async with yours.get(f"{running.url}/t/{tab}", allow_redirects=False) as response:
            assert response.status == 303
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await yours.ws_connect(f"{running.url}/ws/{tab}", headers={"Origin": running.url})


async def test_the_page_asks_nobody_else_for_anything(running: Running) -> None:
    async with browser(running) as client, client.get(running.url + "/") as response:
        text = await response.text()
        policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http" not in text.replace(running.url, "")
    assert response.headers["X-Frame-Options"] == "DENY"


async def test_stray_output_does_not_break_a_window(running: Running) -> None:
    """The app writes to descriptor 1 before anything else; its packets arrive all the same."""
    async with browser(running) as client, window(client, running) as websocket:
        await until_painted(websocket)
        await websocket.send_json(["ping", "7"])
        while (message := await websocket.receive(timeout=10)).type is not aiohttp.WSMsgType.TEXT:
            pass
        assert message.json() == ["pong", "7"]


@pytest.mark.parametrize(
    "frame", ["", "{", "null", "[]", '["stdin"]', '["resize", 5]', '["resize", {"width": "x", "height": {}}]', '["what", 1]', "[" * 500]
)
async def test_a_frame_without_sense_ends_nothing(running: Running, frame: str) -> None:
    async with browser(running) as client, window(client, running) as websocket:
        await until_painted(websocket)
        await websocket.send_str(frame)
        await websocket.send_json(["ping", "still here"])
        while (message := await websocket.receive(timeout=10)).type is not aiohttp.WSMsgType.TEXT:
            assert message.type is aiohttp.WSMsgType.BINARY
        assert message.json() == ["pong", "still here"]


async def test_a_frame_too_large_ends_the_window(running: Running) -> None:
    async with browser(running) as client, window(client, running) as websocket:
        await until_painted(websocket)
        await websocket.send_str("x" * 70_000)
        while (message := await websocket.receive(timeout=10)).type is aiohttp.WSMsgType.BINARY:
            pass
        assert message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}
        assert websocket.close_code == 1009


async def test_one_window_too_many_is_told_so(running: Running) -> None:
    async with browser(running) as client, window(client, running) as first, window(client, running) as second:
        await until_painted(first)
        await until_painted(second)
        async with window(client, running) as third:
            assert (await third.receive(timeout=10)).type is aiohttp.WSMsgType.CLOSE
            assert third.close_code == 4001


async def test_quitting_is_told_apart_from_a_lost_connection(running: Running) -> None:
    async with browser(running) as client, window(client, running) as websocket:
        await until_painted(websocket)
        await websocket.send_json(["stdin", "q"])
        while (await websocket.receive(timeout=10)).type is not aiohttp.WSMsgType.CLOSE:
            pass
        assert websocket.close_code == 4000


async def test_no_app_outlives_its_window(running: Running) -> None:
    async with browser(running) as client:
        async with window(client, running) as websocket:
            await until_painted(websocket)
        (pid,) = running.app_pids()
        async with asyncio.timeout(10):
            while alive(pid):  # another process ends, which tells nobody
                await asyncio.sleep(0.05)


def test_sizes_are_clamped() -> None:
    assert clamp(10**9, -5) == (500, 5)
    assert clamp("120", 40) == (120, 40)


@pytest.mark.parametrize(
    ("host", "only_here"), [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("example.org", False)]
)
def test_which_hosts_only_this_machine_reaches(host: str, only_here: bool) -> None:
    assert is_loopback(host) is only_here


def test_a_host_that_others_reach_has_to_be_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    assert serve(StudioOptions(), ServeOptions(host="0.0.0.0")) == 1
    assert "--allow-remote" in capsys.readouterr().err
