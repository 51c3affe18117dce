"""Who may talk to the server: the holder of the cookie, from the page that we served, under the name that we printed.

A page of another origin can open websockets to this machine, and cookies do not tell ports apart: so the cookie alone proves
nothing. Every request needs the exact host; every websocket the exact origin besides.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

__all__ = ["COOKIE", "Guard", "is_loopback", "origin_of"]

COOKIE: Final = "hypergraph_studio"
_HEALTH: Final = "/health"
_LOGIN: Final = "/login"
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_WILDCARDS: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  # recognised here, bound only with --allow-remote


def origin_of(url: str) -> str:
    """Give the origin of a proxy's address.

    Args:
        url: such as https://studio.example or http://lab:8443.

    Raises:
        ValueError: it is no such address; the message says what one looks like.
    """
    parts = urlsplit(url)
    plain = parts.path in {"", "/"} and not parts.query and not parts.fragment and "@" not in parts.netloc
    if parts.scheme not in {"http", "https"} or not parts.hostname or not plain:
        raise ValueError(f"{url!r} is no address of a proxy. One looks like https://studio.example, without a path.")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


@dataclass
class Guard:
    """The one gate before every route.

    Attributes:
        host: where the server listens.
        port: its port; 0 until it is known.
        sessions: secrets of the browsers that logged in.
        tabs: tab id -> the session that made it.
        public: origin of the proxy in front, None without one.
    """

    host: str
    port: int
    sessions: set[str] = field(default_factory=set)
    tabs: dict[str, str] = field(default_factory=dict)
    public: str | None = None
    _token: str = ""
    announce: Callable[[str], None] = lambda _url: None

    @property
    def public_host(self) -> str:
        """The name under which the page is announced."""
        name = socket.gethostname() if self.host in _WILDCARDS else self.host
        return f"[{name}]" if ":" in name else name

    @property
    def origin(self) -> str:
        """The origin of the pages that are served."""
        if self.public is not None:
            return self.public
        return f"http://{self.public_host}" + ("" if self.port == 80 else f":{self.port}")

    def fresh_link(self) -> str:
        """Make a login link that works once."""
        self._token = secrets.token_urlsafe(32)
        return f"{self.origin}{_LOGIN}?token={self._token}"

    def session_of(self, request: web.Request) -> str | None:
        """Give the session of a request, None for a stranger."""
        cookie = request.cookies.get(f"{COOKIE}_{self.port}", "")
        found = None
        for known in self.sessions:
            if hmac.compare_digest(known.encode(), cookie.encode()):
                found = known
        return found

    def new_tab(self, session: str) -> str:
        """Make a tab id that is good only with this session."""
        tab = secrets.token_hex(16)
        self.tabs[tab] = session
        return tab

    def owns_tab(self, request: web.Request, tab: str) -> bool:
        """Tell whether the request's session made this tab."""
        return tab in self.tabs and self.tabs[tab] == self.session_of(request)

    def _host_fits(self, request: web.Request) -> bool:
        given = request.headers.getall("Host", [])
        if len(given) != 1:
            return False
        if given[0] == self.origin.partition("//")[2]:
            return True
        if self.public is not None or self.host not in _WILDCARDS:
            return False
        # A rebinding attack needs a name of the attacker's; an address or this machine's own name is none.
        name, _, port = given[0].rpartition(":")
        return port == str(self.port) and (_is_address(name) or name in {socket.gethostname(), socket.getfqdn(), "localhost"})

    def _origin_fits(self, request: web.Request) -> bool:
        given = request.headers.getall("Origin", [])
        return given == [self.public or f"http://{request.headers['Host']}"]

    async def login(self, request: web.Request) -> web.Response:
        """Swap the link's token for a cookie; the token is spent, and the next link is announced."""
        given = request.query.get("token", "")
        if not self._token or not hmac.compare_digest(given.encode(), self._token.encode()):
            return self._refuse(401, "This link was used before, or is not ours. The terminal that runs the server shows the newest one.")
        session = secrets.token_urlsafe(32)
        self.sessions.add(session)
        self.announce(self.fresh_link())
        response = web.HTTPSeeOther("/")
        response.set_cookie(
            f"{COOKIE}_{self.port}", session, httponly=True, samesite="Strict", path="/", secure=self.origin.startswith("https:")
        )
        raise response

    def _refuse(self, status: int, text: str) -> web.Response:
        return web.Response(status=status, text=text + "\n", content_type="text/plain")

    def _verdict(self, request: web.Request) -> web.Response | None:
        if not self._host_fits(request):
            return self._refuse(421, f"This server answers at {self.origin} only.")
        if request.path in {_HEALTH, _LOGIN} and request.method == "GET":
            return None
        if self.session_of(request) is None:
            return self._refuse(401, "Open the link that the server printed in its terminal.")
        asks_for_socket = request.path.startswith("/ws/") or request.headers.get("Upgrade", "").lower() == "websocket"
        if asks_for_socket and not self._origin_fits(request):
            return self._refuse(403, "Only the studio's own page may open this connection.")
        return None

    @property
    def policy(self) -> str:
        """The content security policy: nothing from anywhere else."""
        return (
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; "
            f"connect-src 'self' {self.origin.replace('http', 'ws', 1)}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        )

    def middleware(self) -> Middleware:
        """Give the middleware for the whole application."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            refused = self._verdict(request)
            try:
                response = refused if refused is not None else await handler(request)
            except web.HTTPException as leaving:
                leaving.headers.update(_HEADERS)
                raise
            if not response.prepared:
                response.headers.update(_HEADERS)
                response.headers["Content-Security-Policy"] = self.policy
            return response

        return check
