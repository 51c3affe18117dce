"""The main flows in a real browser, on real runs: what the terminal's tests do by keys works there, and outlives a broken network."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hypergraph import SqliteCheckpointer
from studio.services.launcher import Launcher
from tests.studio.listening import listener
from tests.studio.test_served import ROOT, Page, browsing

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

GRAPHS = '''
import time
from pathlib import Path
from hypergraph import Graph, interrupt, node

@node(output_name="half")
def halve(number: int) -> float:
    """Half of a number."""
    if number < 0:
        raise ValueError(f"{number} is less than nothing")
    return number / 2

@node(output_name="said")
def say(half: float) -> str:
    print("half is", half)
    return f"it is {half}"

halves = Graph([halve, say], name="halves")

@interrupt(output_name="fine")
def ask(draft: str) -> bool | None:
    return None

@node(output_name="sent")
def send(draft: str, fine: bool) -> str:
    return f"{draft} {fine}"

letters = Graph([ask, send], name="letters")

@node(output_name="opened")
def wait(gate: str) -> str:
    while not Path(gate).exists():
        time.sleep(0.01)
    return "open"

gates = Graph([wait], name="gates")
'''


class Wire:
    """A proxy between browser and server: it can be cut, and it can fall silent."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self.port = 0

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[Wire]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self._flows.set()
            self.cut()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            back, forth = await asyncio.open_connection("127.0.0.1", self._port)
            self._open |= {writer, forth}
            await asyncio.gather(self._copy(reader, forth), self._copy(back, writer))
            self._open -= {writer, forth}

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        writer.close()

    def cut(self) -> None:
        """End every connection at once, without a good-bye."""
        for writer in list(self._open):
            writer.transport.abort()

    def silence(self) -> None:
        """Let nothing through any more; nobody is told."""
        self._flows.clear()

    def resume(self) -> None:
        self._flows.set()


@asynccontextmanager
async def studio(folder: Path, chromium: str) -> AsyncIterator[tuple[Page, Wire]]:
    """The command behind a proxy, and a browser that has logged in."""
    (folder / "graphs.py").write_text(GRAPHS, encoding="utf-8")
    free = listener()
    port = free.getsockname()[1]
    free.close()
    async with Wire(port).laid() as wire:
        server = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "studio", "serve", "--port", str(port), "--public-url", f"http://127.0.0.1:{wire.port}", "graphs.py",
            cwd=folder, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert server.stdout is not None
        link = ""
        while not link:
            line = (await asyncio.wait_for(server.stdout.readline(), 30)).decode().strip()
            link = line if line.startswith("http://") else ""
        try:
            async with browsing(chromium, link) as page:
                await page.until("3 graphs")
                yield page, wire
                assert page.problems == []
        finally:
            launcher = Launcher(folder / ".hypergraph" / "runs.db")
            for worker in launcher.running():
                launcher.kill(worker.run_id)
            launcher.close()
            if server.returncode is None:
                server.terminate()
            await server.wait()


async def keys(page: Page, *names: str) -> None:
    for name in names:
        await page.page.keyboard.press(name)
        await page.page.wait_for_timeout(60)


async def launched(page: Page, graph: str, text: str, *then: str) -> None:
    """Open a graph by its address, fill in its one input, press some more keys, and start."""
    await keys(page, ":")
    await page.until("An act, a run, a graph")
    await page.page.keyboard.type(f"hg:launch/{graph}")
    await page.until("Go to hg:launch")
    await keys(page, "Enter")
    await page.until("F5 run")
    await page.page.keyboard.type(text)
    await page.until(text[-4:])
    await keys(page, *then, "F5")


def stored(folder: Path, run_id: str) -> str:
    with SqliteCheckpointer.open_readonly(folder / ".hypergraph" / "runs.db") as store:
        run = store.get_run(run_id)
        return "" if run is None else str(run.status)


async def test_a_failed_run_is_forked_with_another_input(chromium: str, tmp_path: Path) -> None:
    async with studio(tmp_path, chromium) as (page, _):
        await launched(page, "halves", "-3")
        await page.until("halves-1")
        await page.until("less than nothing")
        await keys(page, "F")
        await page.until("Fork halves-1")
        await keys(page, "e", "Control+u", "8", "Enter")
        await page.until("→ 8")
        await page.until("{'number': 8}")
        await keys(page, "Enter")
        await page.until("halves-2")
        await page.until("it is 4.0")
        assert (stored(tmp_path, "halves-1"), stored(tmp_path, "halves-2")) == ("failed", "completed")


async def test_a_question_is_answered_with_four_keys(chromium: str, tmp_path: Path) -> None:
    async with studio(tmp_path, chromium) as (page, _):
        await launched(page, "letters", "Dear_Ada")
        await page.until("paused")
        await page.until("Inbox:1")
        await keys(page, "5")
        await page.until("ask asks")
        await keys(page, "a")
        await page.until("True")
        await keys(page, "t", "Enter")
        await page.until("0 questions to answer")
        await keys(page, "3")
        await page.until("✓ done")
        assert stored(tmp_path, "letters-1") == "completed"


async def test_what_failed_in_a_batch_is_run_again_in_place(chromium: str, tmp_path: Path) -> None:
    async with studio(tmp_path, chromium) as (page, _):
        await launched(page, "halves", "[1, -2, 3, -4]", "F3")
        await page.until("less than nothing")
        await page.until("partial")
        await keys(page, "R")
        await page.until("2 items")
        await keys(page, "Enter")
        await page.until("retry")
        assert stored(tmp_path, "halves-1") == "partial"


@pytest.mark.parametrize("trouble", ["cut", "silence", "offline"])
async def test_a_tab_comes_back_to_a_run_that_went_on(chromium: str, tmp_path: Path, trouble: str) -> None:
    """The connection is broken, falls silent, or the browser has no network; then all is well again."""
    gate = tmp_path / "gate"
    async with studio(tmp_path, chromium) as (page, wire):
        await launched(page, "gates", str(gate))
        await page.until("gates-1")
        await page.until("► running")
        # The tab's place is written down every two seconds.
        await page.page.wait_for_timeout(2_500)
        if trouble == "cut":
            wire.cut()
        elif trouble == "silence":
            wire.silence()
        else:
            await page.page.context.set_offline(True)
            wire.cut()
        await page.page.wait_for_function("() => document.body.innerText.includes('Connection lost')", timeout=30_000)
        gate.touch()
        wire.resume()
        await page.page.context.set_offline(False)
        await page.page.wait_for_function("() => !document.querySelector('#notice.-shown')", timeout=40_000)
        text = await page.until("✓ done")
        assert "gates-1" in text
        assert stored(tmp_path, "gates-1") == "completed"
