"""Where results of nodes with `cache=True` are kept: in memory, on disk, or in any object with `get` and `set`.

The key comes from the node's code and inputs (`compute_cache_key`); the value is what the function returned, before renames. What comes
out of these caches is the caller's own: changing it in place changes no later hit.
"""

from __future__ import annotations

import copy
import hashlib
import hmac
import os
import pickle
import secrets
import threading
import warnings
import weakref
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from hypergraph._hashing import compute_cache_key
from hypergraph._text import fix, quoted

if TYPE_CHECKING:
    import sqlite3

__all__ = ["CacheBackend", "DiskCache", "InMemoryCache", "compute_cache_key"]

_MISS: tuple[bool, Any] = (False, None)
# A copy of these is the thing itself.
_IMMUTABLE = frozenset({type(None), bool, int, float, complex, str, bytes, range, type(Ellipsis)})


@runtime_checkable
class CacheBackend(Protocol):
    """What a runner asks of a cache. Both methods may be called from several threads."""

    def get(self, key: str) -> tuple[bool, Any]:
        """Give `(True, value)` for a hit and `(False, None)` for a miss."""
        ...

    def set(self, key: str, value: Any) -> None:
        """Keep `value` under `key`, in the place of an earlier one."""
        ...


class InMemoryCache:
    """A cache that lives as long as this object, with the least recently used entry leaving first.

    Args:
        max_size: number of entries to keep; None keeps all, 0 none.

    Raises:
        ValueError: for a negative `max_size`.
    """

    def __init__(self, max_size: int | None = None) -> None:
        if max_size is not None and max_size < 0:
            raise ValueError(f"max_size must not be negative, got {max_size!r}." + fix("Pass the number of entries, or None for no limit"))
        self.max_size = max_size
        self._entries: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> tuple[bool, Any]:
        """Give `(True, value)` and make the entry the newest, or `(False, None)`."""
        with self._lock:
            if key not in self._entries:
                return _MISS
            self._entries.move_to_end(key)
            value = self._entries[key]
        return True, _own_copy(value)

    def set(self, key: str, value: Any) -> None:
        """Keep a copy of `value`; the oldest entry leaves when there are too many."""
        kept = _own_copy(value)
        with self._lock:
            self._entries[key] = kept
            self._entries.move_to_end(key)
            if self.max_size is not None and len(self._entries) > self.max_size:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"InMemoryCache({len(self)} entries, max_size={self.max_size})"


def _own_copy(value: Any) -> Any:
    if type(value) in _IMMUTABLE:
        return value
    try:
        return copy.deepcopy(value)
    except Exception:  # locks, connections and their like have no copies; such a thing is meant to be shared
        return value


class DiskCache:
    """A cache in one SQLite file, shared by all processes of this user.

    Every entry is signed with a secret key that is kept outside the folder, and the signature is checked before anything is
    deserialised: a folder that somebody else filled runs no code here, its entries are misses.

    Args:
        cache_dir: the folder; made when the first entry is read or written.
        key_path: file of the secret key (32 bytes, mode 0600), by default in the user's state folder.
        settings: accepted for code written for other disk caches; each has no effect and says so.
    """

    def __init__(
        self, cache_dir: str | os.PathLike[str] = "~/.cache/hypergraph", *, key_path: str | os.PathLike[str] | None = None, **settings: Any
    ) -> None:
        self.cache_dir = Path(cache_dir).expanduser()
        self.key_path = Path(key_path).expanduser() if key_path is not None else _default_key_path()
        if settings:
            warnings.warn(f"DiskCache has no setting {quoted(sorted(settings))}; ignored.", UserWarning, stacklevel=2)
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._secret = b""
        self._pid = 0

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return self.cache_dir / "results.db"

    def get(self, key: str) -> tuple[bool, Any]:
        """Give `(True, value)`, or `(False, None)` when there is no entry that was signed with our key; a bad one is dropped."""
        with self._lock:
            row = self._execute("SELECT payload, signature FROM results WHERE key = ?", (key,)).fetchone()
            if row is None:
                return _MISS
            payload, signature = row
            if isinstance(payload, bytes) and isinstance(signature, bytes) and hmac.compare_digest(signature, self._sign(key, payload)):
                with suppress(Exception):  # its class has moved or changed since: no better than any other bad entry
                    return True, pickle.loads(payload)  # noqa: S301  # signed by this user; checked in the line above
            self._execute("DELETE FROM results WHERE key = ?", (key,))
            return _MISS

    def set(self, key: str, value: Any) -> None:
        """Store `value`. One that cannot be pickled is left out, with a UserWarning."""
        try:
            payload = pickle.dumps(value, protocol=5)
        except Exception as error:  # __reduce__ is user code
            warnings.warn(
                f"DiskCache cannot store a {type(value).__qualname__}: {error}. The node runs each time."
                + fix("Return a value that can be pickled", "Or use InMemoryCache"),
                UserWarning,
                stacklevel=2,
            )
            return
        with self._lock:
            self._execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?)", (key, payload, self._sign(key, payload)))

    def clear(self) -> None:
        """Remove every entry."""
        with self._lock:
            self._execute("DELETE FROM results")

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            # A connection that was inherited through a fork belongs to the parent process.
            if connection is not None and self._pid == os.getpid():
                connection.close()

    def __repr__(self) -> str:
        return f"DiskCache({str(self.cache_dir)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_reopen, (self.cache_dir, self.key_path))

    def _execute(self, sql: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        import sqlite3

        try:
            return self._open().execute(sql, values)
        except sqlite3.OperationalError:
            raise  # locked, no space, no permission: nothing is wrong with what is in the file
        except sqlite3.DatabaseError:
            self._set_aside()
            return self._open().execute(sql, values)

    def _set_aside(self) -> None:
        """Give a damaged file, or one that is no database, another name: a cache can be filled again."""
        self.close()
        aside = self.path.with_suffix(".damaged")
        self.path.replace(aside)
        warnings.warn(f"{self.path} was damaged; it is now {aside.name}, and the cache starts empty.", UserWarning, stacklevel=5)

    def _sign(self, key: str, payload: bytes) -> bytes:
        self._secret = self._secret or _secret_in(self.key_path)
        # The key is signed too, so that two sound entries cannot be exchanged.
        return hmac.new(self._secret, key.encode() + b"\0" + payload, hashlib.sha256).digest()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or self._pid != os.getpid():
            self.cache_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._connection = _connect(self.path)
            self._pid = os.getpid()
            weakref.finalize(self, _close_quietly, self._connection, self._pid)
        return self._connection


def _reopen(cache_dir: Path, key_path: Path) -> DiskCache:
    return DiskCache(cache_dir, key_path=key_path)


def _connect(path: Path) -> sqlite3.Connection:
    import sqlite3

    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    # Autocommit: each statement is a transaction of its own. The lock of DiskCache keeps threads apart.
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        # No write waits for the disk: what a power cut spoils is found by its signature, or set aside, and computed again.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TABLE IF NOT EXISTS results (key TEXT PRIMARY KEY, payload BLOB, signature BLOB) WITHOUT ROWID")
    except BaseException:
        connection.close()
        raise
    return connection


def _close_quietly(connection: sqlite3.Connection, pid: int) -> None:
    if pid == os.getpid():
        connection.close()


def _default_key_path() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "hypergraph" / "cache.key"


def _secret_in(path: Path) -> bytes:
    """Give the secret key in `path`, made there when there is none."""
    secret = _read_secret(path)
    if secret is not None:
        return secret
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(_SECRET_BYTES))
    try:
        # link() gives the name to a complete file or fails: of several processes that start together, one wins.
        os.link(made, path)
    except FileExistsError:
        if _read_secret(path) is None:  # there is a file, but no key in it
            made.replace(path)
    finally:
        made.unlink(missing_ok=True)
    secret = _read_secret(path)
    if secret is None:
        raise OSError(f"Cannot keep the cache's key in {path}." + fix("Make its folder writable", "Or pass DiskCache(..., key_path=...)"))
    return secret


_SECRET_BYTES = 32


def _read_secret(path: Path) -> bytes | None:
    try:
        secret = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(secret) != _SECRET_BYTES:
        return None
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return secret
