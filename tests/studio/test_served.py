"""The studio in a real browser: what is seen, typed, clicked, resized, lost and found again."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from studio.options import ServeOptions, StudioOptions
from studio.serve.auth import Guard
from studio.serve.server import StudioServer
from tests.studio.listening import listener

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
APP = f"""
    import sys
    sys.path.insert(0, {str(ROOT)!r})
    from studio.serve.session import die_with_parent, keep_stdout_clean
    die_with_parent()
    keep_stdout_clean()
    from studio.app import StudioApp
    from studio.options import StudioOptions
    from tests.studio.fakes import FakeStudio, NOW
    StudioApp(StudioOptions(), FakeStudio(), clock=lambda: NOW).run()
"""
# xterm.js draws on a canvas: its text is read from the terminal object, which is caught when the page makes it.
CATCH = """
    Object.defineProperty(Object.prototype, "fitAddon", {
        set(value) { window.page = this; Object.defineProperty(this, "fitAddon", { value, writable: true }); },
        configurable: true,
    });
"""
READ = """
    () => { const b = window.page?.terminal.buffer.active; if (!b) return "";
            return [...Array(b.length).keys()].map(i => b.getLine(i)?.translateToString(true) ?? "").join("\\n"); }
"""


class Page:
    """One browser page and the terminal in it."""

    def __init__(self, page: Any, problems: list[str], foreign: list[str]) -> None:
        self.page = page
        self.problems = problems
        self.foreign = foreign

    async def text(self) -> str:
        return str(await self.page.evaluate(READ))

    async def until(self, wanted: str) -> str:
        from playwright.async_api import TimeoutError as TooLate

        try:
            await self.page.wait_for_function(f"(wanted) => ({READ})().includes(wanted)", arg=wanted, timeout=20_000)
        except TooLate:
            raise AssertionError(f"{wanted!r} did not come; the page shows:\n{await self.text()}") from None
        return await self.text()

    async def click_on(self, wanted: str) -> None:
        text = await self.until(wanted)
        row, line = next((row, line) for row, line in enumerate(text.splitlines()) if wanted in line)
        box = await self.page.locator(".xterm-screen").bounding_box()
        columns, rows = await self.page.evaluate("[window.page.terminal.cols, window.page.terminal.rows]")
        x = box["x"] + (line.index(wanted) + 0.5) * box["width"] / columns
        await self.page.mouse.click(x, box["y"] + (row + 0.5) * box["height"] / rows)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Callable[[], Awaitable[Guard]]]:
    """Start servers on one port, so that one can end and come back."""
    script = tmp_path / "app.py"
    script.write_text(textwrap.dedent(APP))
    runners: list[web.AppRunner] = []
    first = listener()
    port = first.getsockname()[1]
    first.close()

    async def start() -> Guard:
        for runner in runners:
            await runner.cleanup()
        runners.clear()
        guard = Guard("127.0.0.1", port)
        server = StudioServer(StudioOptions(), ServeOptions(), guard, command=[sys.executable, str(script)])
        runner = web.AppRunner(await server._make_app(), access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.SockSite(runner, listener(port)).start()
        runners.append(runner)
        return guard

    yield start
    for runner in runners:
        await runner.cleanup()


@asynccontextmanager
async def browsing(chromium: str, at: Guard | str) -> AsyncIterator[Page]:
    from playwright.async_api import async_playwright

    problems: list[str] = []
    foreign: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        page = await browser.new_page(viewport={"width": 1200, "height": 760})
        await page.add_init_script(CATCH)
        page.on("pageerror", lambda error: problems.append(str(error)))
        link = at if isinstance(at, str) else at.fresh_link()
        origin = link.partition("/login")[0]
        page.on("request", lambda request: foreign.append(request.url) if not request.url.startswith((origin, "data:")) else None)
        await page.goto(link)
        yield Page(page, problems, foreign)
        await browser.close()


Served = Callable[[], Awaitable[Guard]]


async def test_the_page_shows_the_studio_and_asks_nobody_else(chromium: str, served: Served) -> None:
    async with browsing(chromium, await served()) as page:
        text = await page.until("rag-eval")
        assert "Answer a question from documents" in text
        fonts = await page.page.evaluate("[...document.fonts].filter(f => f.status === 'loaded').map(f => f.weight).sort()")
        assert fonts == ["400", "700"]
        assert page.foreign == []
        assert page.problems == []


async def test_keys_work_without_a_click_first(chromium: str, served: Served) -> None:
    async with browsing(chromium, await served()) as page:
        await page.until("rag-eval")
        await page.page.keyboard.press("3")
        text = await page.until("running 00:41")
        assert "► running" in text
        assert "✓ done" in text


async def test_the_mouse_does_what_keys_do(chromium: str, served: Served) -> None:
    async with browsing(chromium, await served()) as page:
        await page.until("rag-eval")
        await page.click_on("Inbox")
        assert "Blue light is scattered" in await page.until("2 questions to answer")


async def test_the_window_follows_its_size(chromium: str, served: Served) -> None:
    async with browsing(chromium, await served()) as page:
        await page.until("Gives back")
        await page.page.set_viewport_size({"width": 620, "height": 420})
        await page.page.wait_for_function("() => window.page.terminal.cols < 80")
        await page.until("rag-eval")


async def test_a_lost_connection_comes_back_to_the_same_place(chromium: str, served: Served) -> None:
    """The tab's own process ends with the socket; the page opens another one, which goes where the last one was."""
    async with browsing(chromium, await served()) as page:
        await page.until("rag-eval")
        await page.page.keyboard.press("4")
        await page.until("nightly-60")
        await page.page.wait_for_timeout(2_500)
        await page.page.evaluate("window.page.socket.close()")
        await page.page.wait_for_function("() => window.page === undefined || window.page.socket?.readyState === 1", timeout=20_000)
        await page.until("nightly-60")


async def test_after_q_the_page_stays_closed_until_asked(chromium: str, served: Served) -> None:
    async with browsing(chromium, await served()) as page:
        await page.until("rag-eval")
        await page.page.keyboard.press("q")
        await page.page.wait_for_selector("#notice.-shown")
        assert "Runs go on" in await page.page.inner_text("#notice-text")
        await page.page.click("#again")
        await page.until("rag-eval")


async def test_a_new_server_wants_a_new_link(chromium: str, served: Served) -> None:
    async with browsing(chromium, await served()) as page:
        await page.until("rag-eval")
        await served()
        await page.page.wait_for_function("() => document.body.innerText.includes('Open the link that the server printed')", timeout=20_000)


async def test_the_command_serves_a_module_and_leaves_nothing_behind(chromium: str, tmp_path: Path) -> None:
    """From the shell to a graph in the browser; after the server's end no window's process is left."""
    (tmp_path / "graphs.py").write_text(
        "from hypergraph import Graph, node\n\n@node(output_name='half')\ndef halve(number: int) -> float:\n    return number / 2\n\n"
        "halves = Graph([halve], name='halves')\n"
    )
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "studio", "serve", "--port", "0", "graphs.py",
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert server.stdout is not None
    link = ""
    while not link:
        line = (await asyncio.wait_for(server.stdout.readline(), 20)).decode().strip()
        link = line if line.startswith("http://127.0.0.1:") else ""
    try:
        async with browsing(chromium, link) as page:
            await page.until("needs number")
            children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
            assert len(children) == 1
            server.terminate()
            assert await asyncio.wait_for(server.wait(), 20) == 0
            assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    finally:
        if server.returncode is None:
            server.kill()
            await server.wait()


def test_the_font_has_every_shape_that_screens_use() -> None:
    """A shape that the font lacks would be drawn from another one, a cell too wide."""
    tool = shutil.which("fc-query")
    if tool is None:
        pytest.skip("fontconfig is not installed")
    import subprocess

    used = {
        char
        for path in [*(ROOT / "studio").rglob("*.py"), ROOT / "hypergraph" / "viz" / "rail.py", ROOT / "hypergraph" / "viz" / "lanes.py"]
        for char in path.read_text(encoding="utf-8")
        if ord(char) > 0x7F
    }
    for name in ("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf"):
        font = ROOT / "studio" / "serve" / "page" / name
        given = subprocess.run([tool, "--format=%{charset}", str(font)], capture_output=True, text=True, check=True).stdout
        covered: set[int] = set()
        for start, end in re.findall(r"\b([0-9a-f]+)(?:-([0-9a-f]+))?\b", given):
            covered.update(range(int(start, 16), int(end or start, 16) + 1))
        assert {char for char in used if ord(char) not in covered} == set()
