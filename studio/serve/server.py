"""`hypergraph serve`: the studio in a browser, one app process a window."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import json
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from aiohttp import WSMsgType, web
from textual_serve import server as textual_server
from textual_serve.app_service import AppService

from studio.options import ServeOptions, StudioOptions
from studio.serve.auth import Guard, is_loopback, origin_of
from studio.serve.session import SessionProcess

__all__ = ["StudioServer", "serve"]

_PAGE: Final = Path(__file__).parent / "page"
_LARGEST_FRAME: Final = 64 * 1024
_ENDED: Final = 4000
_FULL: Final = 4001
_ELSEWHERE: Final = 4002
_GONE: Final = 1001
_DEFAULT_SIZE: Final = 80, 24
_LONGEST_ADDRESS: Final = 2_000
_LONGEST_NAME: Final = 64


class StudioServer(textual_server.Server):
    """textual-serve behind a guard, with pages that load nothing from elsewhere.

    Args:
        studio: what each window opens.
        options: where to listen, and for whom.
        guard: the gate before every route.
        command: what runs in each window; None for the studio.
    """

    def __init__(self, studio: StudioOptions, options: ServeOptions, guard: Guard, *, command: Sequence[str] | None = None) -> None:
        super().__init__(
            "hypergraph studio",
            host=options.host,
            port=options.port,
            title="Hypergraph Studio",
            public_url=guard.origin,
            templates_path=_PAGE,
        )
        self._command = list(command) if command is not None else [sys.executable, "-m", "studio", "studio", *studio.argv()]
        self._options = options
        self._guard = guard
        self._open: dict[SessionProcess, tuple[str, web.WebSocketResponse]] = {}
        self._closing: set[asyncio.Task[Any]] = set()
        self._addresses: dict[str, str] = {}

    async def _make_app(self) -> web.Application:
        import aiohttp_jinja2
        import jinja2

        app = web.Application(middlewares=[self._guard.middleware()])
        aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(_PAGE), autoescape=True)
        app.add_routes(
            [
                web.get("/", self._redirect_to_tab),
                web.get("/login", self._guard.login),
                web.get("/health", self._health),
                web.get("/t/{tab}", self.handle_index, name="index"),
                web.get("/ws/{tab}", self.handle_websocket, name="websocket"),
                web.get("/download/{key}", self.handle_download, name="download"),
                web.static("/static", self.statics_path, show_index=False, name="static"),
                web.static("/page", _PAGE, show_index=False, name="page"),
            ]
        )
        app.on_shutdown.append(self.on_shutdown)
        return app

    async def _health(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _redirect_to_tab(self, request: web.Request) -> web.Response:
        session = self._guard.session_of(request)
        assert session is not None, "the guard lets no stranger through"
        query = f"?{request.query_string}" if request.query_string else ""
        raise web.HTTPSeeOther(f"/t/{self._guard.new_tab(session)}{query}")

    def _tab(self, request: web.Request) -> str:
        tab = request.match_info["tab"]
        if not self._guard.owns_tab(request, tab):
            raise web.HTTPSeeOther("/")
        return tab

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        """Serve the page of one tab; its address names the tab, so that a reload comes back to it."""
        import aiohttp_jinja2

        tab = self._tab(request)
        scheme = "ws" + self._guard.origin.removeprefix("http").split("//")[0]
        context = {
            "application": {"name": self.title},
            "app_websocket_url": f"{scheme}//{request.headers['Host']}/ws/{tab}",
            "font_size": min(max(textual_server.to_int(request.query.get("fontsize", "15"), 15), 6), 48),
        }
        if "open" in request.query:
            self._addresses[tab] = request.query["open"][:_LONGEST_ADDRESS]
        return aiohttp_jinja2.render_template("app_index.html", request, context)

    def _environment(self, request: web.Request, tab: str) -> dict[str, str]:
        session = self._guard.session_of(request) or ""
        who = f"{getpass.getuser()}@{socket.gethostname()}/browser-{session[:6]}"
        if self._options.user_header and (named := _name(request.headers.get(self._options.user_header, ""))):
            who = f"{named}@{socket.gethostname()}/browser-{session[:6]}"
        environment = {"HYPERGRAPH_STUDIO_TAB": tab, "HYPERGRAPH_STUDIO_ACTOR": who}
        if tab in self._addresses:
            environment["HYPERGRAPH_STUDIO_OPEN"] = self._addresses.pop(tab)
        return environment

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Drive one app process for as long as the socket is open."""
        tab = self._tab(request)
        websocket = web.WebSocketResponse(heartbeat=15, max_msg_size=_LARGEST_FRAME)
        await websocket.prepare(request)
        # A tab that comes back after a lost connection takes the place of its old window, which may not know yet that it is lost.
        await self._make_way(tab)
        if len(self._open) >= self._options.sessions:
            await websocket.close(code=_FULL, message=b"too many windows")
            return websocket

        async def close() -> None:
            await websocket.close(code=_GONE if process.stopping else _ENDED)

        process = SessionProcess(
            self._command,
            self._environment(request, tab),
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=close,
            download_manager=self.download_manager,
        )
        self._open[process] = tab, websocket
        try:
            width = textual_server.to_int(request.query.get("width", ""), _DEFAULT_SIZE[0])
            height = textual_server.to_int(request.query.get("height", ""), _DEFAULT_SIZE[1])
            await process.start(width, height)
            await self._process_messages(websocket, process)
        except ConnectionError:
            pass
        finally:
            # The request may be cancelled; the process ends all the same.
            await asyncio.shield(self._end(process))
        return websocket

    async def _make_way(self, tab: str) -> None:
        for process, (owner, websocket) in list(self._open.items()):
            if owner == tab:
                self._open.pop(process)
                # Not waited for: a connection that is dead would take its time to say good-bye.
                closing = asyncio.create_task(websocket.close(code=_ELSEWHERE, message=b"opened again"))
                self._closing.add(closing)
                closing.add_done_callback(self._closing.discard)
                await asyncio.sleep(0)
                await process.stop()

    async def _end(self, process: SessionProcess) -> None:
        try:
            await process.stop()
        finally:
            self._open.pop(process, None)

    async def _process_messages(self, websocket: web.WebSocketResponse, app_service: AppService) -> None:
        async for message in websocket:
            if message.type != WSMsgType.TEXT:
                continue
            # A frame that makes no sense is left alone: it must not end somebody's session.
            with contextlib.suppress(ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError):
                await self._process_frame(websocket, app_service, json.loads(message.data))

    async def _process_frame(self, websocket: web.WebSocketResponse, app_service: AppService, frame: Any) -> None:
        match frame:
            case ["stdin", str() as typed]:
                await app_service.send_bytes(typed.encode("utf-8", "surrogatepass"))
            case ["resize", {"width": width, "height": height}]:
                await app_service.set_terminal_size(width, height)
            case ["ping", str() as text]:
                await websocket.send_json(["pong", text[:64]])
            case ["blur", *_]:
                await app_service.blur()
            case ["focus", *_]:
                await app_service.focus()
            case _:
                pass

    async def on_shutdown(self, app: web.Application) -> None:
        """End every window's process."""
        del app
        await asyncio.gather(*(self._end(process) for process in list(self._open)), return_exceptions=True)


def _name(text: str) -> str:
    """Give a user's name as a line holds it."""
    return "".join(char for char in text if char.isprintable()).strip()[:_LONGEST_NAME]


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def _serve(studio: StudioOptions, options: ServeOptions, listener: socket.socket) -> None:
    import signal

    guard = Guard(options.host, listener.getsockname()[1])
    guard.public = origin_of(options.public_url) if options.public_url is not None else None
    guard.announce = lambda link: _say(f"That link is used up. For another browser:\n\n  {link}\n")
    server = StudioServer(studio, options, guard)
    runner = web.AppRunner(await server._make_app(), access_log=None, handle_signals=False, shutdown_timeout=4)  # noqa: SLF001  # textual-serve's own name
    await runner.setup()
    await web.SockSite(runner, listener).start()
    _say(f"Hypergraph Studio is open to this link, once:\n\n  {guard.fresh_link()}\n\nctrl+c ends the server; runs go on.")
    if not is_loopback(options.host):
        _say("Everybody who has the link can run your graphs: a shared link cannot tell people apart.")
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, done.set)
    try:
        await done.wait()
    finally:
        await runner.cleanup()


def serve(studio: StudioOptions, options: ServeOptions) -> int:
    """Serve the studio until the process is told to end.

    Args:
        studio: what each window opens.
        options: where to listen, and for whom.

    Returns:
        The exit code.
    """
    if not is_loopback(options.host) and not options.allow_remote:
        sys.stderr.write(
            f"{options.host} can be reached from other machines, and whoever opens the studio can run your graphs.\n\n"
            "How to fix:\n  leave --host out, or add --allow-remote when that is what you want\n"
        )
        return 1
    try:
        _ = options.public_url is None or origin_of(options.public_url)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
    except OSError as error:
        listener.close()
        sys.stderr.write(
            f"Cannot listen on {options.host}:{options.port}: {os.strerror(error.errno or 0)}.\n\n"
            "How to fix:\n  choose a free port with --port, or --port 0\n"
        )
        return 1
    listener.listen()
    asyncio.run(_serve(studio, options, listener))
    return 0
