"""Attacks on the real command: nothing is let in, and nothing stays behind, however the server ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from studio.options import ServeOptions, StudioOptions
from studio.serve.auth import Guard, origin_of
from studio.serve.server import _name, serve
from tests.studio.test_served_guard import Running, alive, browser, tab_of, until_painted, window
from tests.studio.test_served_guard import running as running  # noqa: PLC0414  # a fixture

ROOT = Path(__file__).parents[2]
GRAPHS = """
import time
from hypergraph import Graph, node

@node(output_name="late")
def wait(seconds: float) -> float:
    time.sleep(seconds)
    return seconds

slow = Graph([wait], name="slow")
"""


def children_of(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *children_of(int(child))]
    return found


@asynccontextmanager
async def real(folder: Path, *options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The command, and the link that it printed."""
    (folder / "graphs.py").write_text(GRAPHS, encoding="utf-8")
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "studio", "serve", "--port", "0", *options, "graphs.py",
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert server.stdout is not None
    link = ""
    while not link:
        line = (await asyncio.wait_for(server.stdout.readline(), 30)).decode().strip()
        link = line if line.startswith("http://127.0.0.1:") else ""
    try:
        yield server, link
    finally:
        if server.returncode is None:
            server.kill()
        await server.wait()


def _handshakes(port: int, tab: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(path, cookie kind, headers) of fourteen ways in that are none."""
    good, host = f"http://127.0.0.1:{port}", f"127.0.0.1:{port}"
    yield f"/ws/{tab}", "none", {"Origin": good}
    yield f"/ws/{tab}", "wrong", {"Origin": good}
    yield f"/ws/{tab}", "good", {}
    yield f"/ws/{tab}", "good", {"Origin": "null"}
    yield f"/ws/{tab}", "good", {"Origin": "http://evil.example"}
    yield f"/ws/{tab}", "good", {"Origin": f"https://127.0.0.1:{port}"}
    yield f"/ws/{tab}", "good", {"Origin": "http://127.0.0.1:1"}
    yield f"/ws/{tab}", "good", {"Origin": f"http://localhost:{port}"}
    yield f"/ws/{tab}", "good", {"Origin": good + "/"}
    yield f"/ws/{tab}", "good", {"Origin": f"http://127.0.0.1:{port}.evil.example"}
    yield f"/ws/{tab}", "good", {"Origin": "http://evil.example:80", "Host": "evil.example:80"}
    yield f"/ws/{tab}", "good", {"Origin": good, "Host": f"localhost:{port}"}
    yield f"/ws/{'0' * 32}", "good", {"Origin": good, "Host": host}
    yield "/ws/..%2f..%2fetc", "good", {"Origin": good, "Host": host}


async def test_fourteen_handshakes_open_nothing(running: Running) -> None:
    async with browser(running) as client, browser() as stranger:
        tab = await tab_of(client, running)
        attempts = list(_handshakes(running.guard.port, tab))
        assert len(attempts) == 14
        for path, cookie, headers in attempts:
            who = client if cookie == "good" else stranger
            if cookie == "wrong":
                headers = {**headers, "Cookie": f"hypergraph_studio_{running.guard.port}={'A' * 43}"}
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await who.ws_connect(f"{running.url}{path}", headers=headers)
    assert running.app_pids() == []


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_of_forty_sockets_four_open_and_none_is_left_behind(tmp_path: Path, end: signal.Signals) -> None:
    async with real(tmp_path) as (server, link), browser() as client:
        origin = link.partition("/login")[0]
        async with client.get(link, allow_redirects=False) as response:
            assert response.status == 303

        async def one() -> aiohttp.ClientWebSocketResponse:
            async with client.get(origin + "/", allow_redirects=False) as response:
                tab = response.headers["Location"]
            address = f"{origin}/ws/{tab.removeprefix('/t/')}?width=80&height=24"
            return await client.ws_connect(address, headers={"Origin": origin}, max_msg_size=0)

        sockets = await asyncio.gather(*(one() for _ in range(40)))
        painted = 0
        for websocket in sockets:
            message = await websocket.receive(timeout=60)
            painted += message.type is not aiohttp.WSMsgType.CLOSE
            assert message.type is not aiohttp.WSMsgType.CLOSE or websocket.close_code == 4001
        assert painted == 4
        children = children_of(server.pid)
        # A window's process, and the one that loads its module.
        assert len(children) <= 8
        server.send_signal(end)
        await asyncio.wait_for(server.wait(), 20)
        async with asyncio.timeout(15):
            while any(map(alive, children)):  # other processes end, which tells nobody
                await asyncio.sleep(0.05)


async def test_an_app_that_hears_nothing_ends_with_its_server(tmp_path: Path) -> None:
    """It has a handler for SIGTERM that never gets its turn, as a busy event loop has."""
    script = tmp_path / "deaf.py"
    script.write_text(
        "import os, signal, sys, time\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "if len(sys.argv) == 1:\n"
        "    import subprocess\n"
        "    os.environ['HYPERGRAPH_STUDIO_PARENT'] = str(os.getpid())\n"
        "    child = subprocess.Popen([sys.executable, __file__, 'app'], stdout=subprocess.PIPE, text=True)\n"
        "    print(child.pid, child.stdout.readline(), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "signal.signal(signal.SIGTERM, lambda *_: None)\n"
        "from studio.serve import session\n"
        "session._QUIT_AFTER = session._KILL_AFTER = session._LOOK_EVERY = 0.1\n"
        "session.die_with_parent()\n"
        "print('ready', flush=True)\n"
        "while True:\n    time.sleep(0.01)\n"
    )
    server = await asyncio.create_subprocess_exec(sys.executable, str(script), stdout=asyncio.subprocess.PIPE)
    said, _ = await asyncio.wait_for(server.communicate(), 30)
    pid = int(said.split()[0])
    assert b"ready" in said
    async with asyncio.timeout(15):
        while alive(pid):  # another process ends, which tells nobody
            await asyncio.sleep(0.05)


async def test_a_tab_that_comes_back_takes_the_place_of_its_old_window(running: Running) -> None:
    """A dead connection is noticed late: until then its window would count, and its app would look at the same run."""
    async with browser(running) as client:
        tab = await tab_of(client, running)
        async with window(client, running, tab) as first:
            await until_painted(first)
            async with window(client, running, tab) as second:
                await until_painted(second)
                while (message := await first.receive(timeout=10)).type is not aiohttp.WSMsgType.CLOSE:
                    assert message.type in {aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT}, message
                assert message.data == 4002
                old, new = running.app_pids()
                assert not alive(old)
                assert alive(new)


# Behind a proxy.


@pytest.mark.parametrize(
    ("url", "origin"),
    [("https://studio.example", "https://studio.example"), ("http://LAB:8443/", "http://lab:8443"), ("https://[::1]:9", "https://[::1]:9")],
)
def test_the_origin_of_a_proxy(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize("url", ["studio.example", "ftp://a", "https://", "https://a/path", "https://a?x", "https://me@a", "https://a#b"])
def test_what_is_no_proxy_is_said(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="One looks like"):
        origin_of(url)
    assert serve(StudioOptions(), ServeOptions(port=0, public_url=url)) == 1
    assert "is no address of a proxy" in capsys.readouterr().err


async def test_behind_a_proxy_its_name_alone_is_answered(running: Running) -> None:
    running.guard.public = "https://studio.example"
    link = running.guard.fresh_link()
    assert link.startswith("https://studio.example/login?token=")
    here = f"http://127.0.0.1:{running.guard.port}"
    seen = {"Host": "studio.example"}
    async with browser() as client:
        async with client.get(here + link.removeprefix("https://studio.example"), headers=seen, allow_redirects=False) as response:
            assert response.status == 303
            cookie = response.headers["Set-Cookie"]
            assert "Secure" in cookie
        headers = {**seen, "Cookie": cookie.partition(";")[0]}
        async with client.get(f"{here}/", headers=headers, allow_redirects=False) as response:
            tab = response.headers["Location"]
        async with client.get(here + tab, headers=headers) as response:
            assert f"wss://studio.example/ws/{tab.removeprefix('/t/')}" in await response.text()
        async with client.get(f"{here}/health") as response:
            assert response.status == 421
        address = f"{here}/ws/{tab.removeprefix('/t/')}"
        for origin in ("http://studio.example", here, "https://studio.example.evil"):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await client.ws_connect(address, headers={**headers, "Origin": origin})
        async with client.ws_connect(address, headers={**headers, "Origin": "https://studio.example"}) as websocket:
            await until_painted(websocket)


async def test_the_user_that_a_proxy_names_acts(running: Running) -> None:
    class Asked:
        def __init__(self, headers: dict[str, str]) -> None:
            self.headers = headers
            self.cookies = {f"hypergraph_studio_{running.guard.port}": "abcdef0123"}

    running.guard.sessions.add("abcdef0123")
    named = Asked({"X-User": "ana\x1b[31m\u202e@lab"})
    assert "ana" not in running.server._environment(named, "t")["HYPERGRAPH_STUDIO_ACTOR"]  # type: ignore[arg-type]
    running.server._options = ServeOptions(user_header="X-User")
    assert running.server._environment(named, "t")["HYPERGRAPH_STUDIO_ACTOR"].startswith("ana[31m@lab@")  # type: ignore[arg-type]
    assert running.server._environment(named, "t")["HYPERGRAPH_STUDIO_ACTOR"].endswith("/browser-abcdef")  # type: ignore[arg-type]
    unnamed = running.server._environment(Asked({}), "t")["HYPERGRAPH_STUDIO_ACTOR"]  # type: ignore[arg-type]
    assert unnamed.endswith("/browser-abcdef")


def test_a_name_from_a_header_is_short_and_one_line() -> None:
    assert _name("a\nb" + "c" * 100) == "ab" + "c" * 62
    assert _name(" \x00 ") == ""


def test_a_server_without_a_proxy_says_its_own_name() -> None:
    assert Guard("127.0.0.1", 8000).origin == "http://127.0.0.1:8000"
