"""One SQLite file, opened with care: what it is gets looked at before anything is written.

An operation is a generator that yields `(sql, values)` and is sent the rows; here it is driven over sqlite3.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from urllib.parse import quote

from hypergraph._text import fix
from hypergraph.checkpointers import failures, schema
from hypergraph.exceptions import CheckpointError

__all__ = [
    "BUSY_SECONDS",
    "MEMORY",
    "Database",
    "Operation",
    "connect",
    "drive",
    "file_uri",
    "inspect_file",
    "is_cut_short",
    "mended_copy",
    "reading_uri",
    "transaction",
]

MEMORY = ":memory:"
BUSY_SECONDS = 30.0
# Checking a whole file takes about 5 ms a MiB: worth it before the first write to a small one.
_CHECKED_BYTES = 4 << 20
_MAGIC = b"SQLite format 3\x00"

T = TypeVar("T")
Row: TypeAlias = tuple[Any, ...]
Operation: TypeAlias = Generator[tuple[str, Sequence[Any]], list[Row], T]


def drive(db: sqlite3.Connection, operation: Operation[T]) -> T:
    """Perform an operation's statements on `db` and give its result."""
    try:
        sql, values = next(operation)
        while True:
            sql, values = operation.send(db.execute(sql, values).fetchall())
    except StopIteration as done:
        result: T = done.value
        return result


def file_uri(path: str, options: str) -> str:
    """Give the URI of a database file."""
    return f"file:{quote(os.path.abspath(path))}?{options}"  # noqa: PTH100  a URI wants text, and Path.absolute() keeps ".."


def connect(uri: str, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """Open a connection that leaves transactions to us and trusts nothing that the file defines."""
    db = sqlite3.connect(uri, uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=False, cached_statements=256)
    db.execute("PRAGMA trusted_schema = OFF")
    return db


class Database:
    """The one connection of a store object that writes, and reads for its sync face.

    Args:
        path: the file, or ":memory:".
        at_open: called with each fresh connection that can be written.
    """

    def __init__(self, path: str, at_open: Callable[[sqlite3.Connection], None] | None = None) -> None:
        self.path = path
        self.lock = threading.RLock()
        self._at_open = at_open
        self._db: sqlite3.Connection | None = None
        self._pid = os.getpid()
        self._inherited: list[sqlite3.Connection] = []
        self._full: bool | None = None
        self._writable = True
        self._finalizer: weakref.finalize[[sqlite3.Connection], Database] | None = None

    @property
    def in_memory(self) -> bool:
        """True when there is no file."""
        return self.path == MEMORY

    @property
    def writable_file(self) -> bool:
        """True when there is a file that can be written, as far as is known."""
        return self._writable and not self.in_memory

    @property
    def uri(self) -> str:
        """What another connection to the same file is opened with."""
        return file_uri(self.path, "mode=rw")

    def connection(self) -> sqlite3.Connection:
        """Give the open connection; the caller holds `lock`."""
        if self._db is not None and (self._pid == os.getpid() or self.in_memory):
            return self._db
        if self._db is not None:
            # A forked child must neither use nor close its parent's connection.
            self._inherited.append(self._db)
            if self._finalizer is not None:
                self._finalizer.detach()
            self._db = None
        self._pid = os.getpid()
        try:
            self._db = self._open()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise failures.told(error, self.path) from error
        self._full = None
        self._finalizer = weakref.finalize(self, sqlite3.Connection.close, self._db)
        # At the end of the program a store still has something to write first; it closes the connection itself.
        self._finalizer.atexit = False
        return self._db

    def _open(self) -> sqlite3.Connection:
        if self.in_memory:
            db = connect("file::memory:")
            with transaction(db):
                schema.create(db)
            if self._at_open is not None:
                self._at_open(db)
            return db
        version = prepare_file(self.path)
        self._writable = os.access(self.path, os.W_OK) and os.access(Path(self.path).parent, os.W_OK)
        if not self._writable:
            db = connect(reading_uri(self.path))
            if version < schema.VERSION:
                schema.legacy_views(db)
            return db
        db = connect(file_uri(self.path, "mode=rw"))
        try:
            # First, so that a migration that fails leaves not even another journal mode behind.
            self._bring_up_to_date(db)
            _switch_to_wal(db)
            if self._at_open is not None:
                self._at_open(db)
        except BaseException:
            db.close()
            raise
        return db

    def _bring_up_to_date(self, db: sqlite3.Connection) -> None:
        if schema.known_version(db) == schema.VERSION:
            if schema.lacks_indexes(db):
                with transaction(db):
                    schema.make_indexes(db)
            return
        with transaction(db):
            # Looked at again: another process may have been quicker.
            version = schema.known_version(db)
            if version == schema.VERSION:
                return
            if version == 0:
                schema.create(db)
            elif version is not None and version < schema.VERSION:
                _back_up(self.path, version)
                schema.migrate(db)

    def read(self, operation: Operation[T]) -> T:
        """Perform an operation that only reads."""
        with self.lock:
            db = self.connection()
            try:
                return drive(db, operation)
            except (sqlite3.Error, UnicodeDecodeError) as error:
                raise failures.told(error, self.path) from error

    def write(self, operation: Operation[T], *, full: bool) -> T:
        """Perform an operation in one transaction; `full` makes it survive a power loss."""
        with self.writing(full=full) as db, transaction(db):
            return drive(db, operation)

    @contextmanager
    def writing(self, *, full: bool) -> Iterator[sqlite3.Connection]:
        """Give the connection to a writer that makes its own transactions; SQLite's errors come out as ours."""
        with self.lock:
            db = self.writable(full=full)
            try:
                yield db
            except (sqlite3.Error, UnicodeDecodeError) as error:
                raise failures.told(error, self.path) from error

    def writable(self, *, full: bool) -> sqlite3.Connection:
        """Give the connection for writing; the caller holds `lock`.

        Raises:
            CheckpointError: the store is read-only.
        """
        db = self.connection()
        if not self._writable:
            raise failures.read_only(self.path)
        if self._full is not full:
            db.execute(f"PRAGMA synchronous = {'FULL' if full else 'NORMAL'}")
            self._full = full
        return db

    def close(self) -> None:
        """Close the connection; the next use opens it again. An in-memory database ends here."""
        with self.lock:
            if self._finalizer is not None and self._pid == os.getpid():
                self._finalizer()
            self._finalizer = None
            self._db = None


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Hold a transaction that can write: kept when the block ends well, undone when it raises."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _switch_to_wal(db: sqlite3.Connection) -> None:
    """Switch to write-ahead logging. The switch ignores the busy timeout, so it is tried again here."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not str(getattr(error, "sqlite_errorname", "")).startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) or time.monotonic() > until:
                raise
            time.sleep(0.005)


def _back_up(path: str, version: int) -> None:
    number = 0
    while True:
        target = Path(f"{path}.v{version}-backup{f'-{number}' if number else ''}")
        try:
            os.close(os.open(target, os.O_CREAT | os.O_EXCL, 0o600))
            break
        except FileExistsError:
            number += 1
    # A connection of its own reads the file as it stands before the transaction.
    source, copy = connect(file_uri(path, "mode=ro")), sqlite3.connect(target)
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()


def prepare_file(path: str) -> int:
    """Create an empty file where there is none; give the version of the store in it.

    Raises:
        CheckpointError: it cannot be used; it was left as it is.
    """
    file = Path(path)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            # The journal files inherit this mode.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise CheckpointError(
            f"Checkpoint store {path!r} cannot be created: {error.strerror or error}. Nothing was changed."
            + fix("Pass a path in a folder that you can write to")
        ) from error
    return inspect_file(path)


def is_cut_short(path: str, patience: float = BUSY_SECONDS) -> bool:
    """Tell whether a process was killed while it wrote this file without a write-ahead log, as happens in the moment of its creation.

    Whoever opens the file for writing undoes what that process did; who only reads cannot even look at it.
    """
    try:
        if not Path(path + "-journal").stat().st_size:
            return False
        db = connect(file_uri(path, "mode=ro"), patience)
        try:
            db.execute("SELECT count(*) FROM sqlite_master").fetchall()
        finally:
            db.close()
    except OSError:
        return False
    except (sqlite3.Error, UnicodeDecodeError) as error:
        return getattr(error, "sqlite_errorname", "") == "SQLITE_READONLY_ROLLBACK"
    return False


def mended_copy(path: str, folder: str) -> str:
    """Copy a file that was cut short, undo in the copy what was begun, and give the copy's path; the file itself is left as it is."""
    target = str(Path(folder, "mended.db"))
    for _ in range(1000):
        before = _moments(path)
        for beside in ("", "-journal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(path + beside, target + beside)
        if _moments(path) == before:
            break
        # Somebody else is mending the file itself.
        Path(target + "-journal").unlink(missing_ok=True)
        time.sleep(0.002)
    db = connect(file_uri(target, "mode=rw"))
    try:
        db.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise failures.told(error, path) from error
    finally:
        db.close()
    return target


def _moments(path: str) -> tuple[int, ...]:
    found = []
    for beside in (path, path + "-journal"):
        try:
            seen = os.stat(beside)  # noqa: PTH116  one call, and no object for it
        except FileNotFoundError:
            found.append(-1)
        else:
            found += [seen.st_mtime_ns, seen.st_size]
    return tuple(found)


def inspect_file(path: str, patience: float = BUSY_SECONDS) -> int:
    """Give the version of the store in a file, without changing the file; 0 when it is empty.

    Raises:
        NotACheckpointError, SchemaVersionError, StoreCorruptError: what it is otherwise.
    """
    if is_cut_short(path, patience):
        with tempfile.TemporaryDirectory(prefix="hypergraph-") as folder:
            return _inspected(mended_copy(path, folder), path, patience)
    return _inspected(path, path, patience)


def _inspected(source: str, path: str, patience: float) -> int:
    file = Path(source)
    if file.is_dir():
        raise failures.not_ours(path, "a folder")
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            head = stream.read(1 << 16)
    except OSError as error:
        raise CheckpointError(
            f"Checkpoint store {path!r} cannot be read: {error.strerror or error}." + fix("Check its permissions")
        ) from error
    if not head:
        return 0
    if not head.startswith(_MAGIC):
        if _MAGIC.startswith(head) or b"_schema_version" in head:
            raise failures.corrupt(path, "its header is damaged")
        raise failures.not_ours(path, "no SQLite file")
    try:
        db = connect(reading_uri(source), patience)
        try:
            version = schema.known_version(db)
            if version == schema.VERSION and size <= _CHECKED_BYTES:
                answer = db.execute("PRAGMA quick_check(1)").fetchone()[0]
                if answer != "ok":
                    raise failures.corrupt(path, answer)
        finally:
            db.close()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise failures.told(error, path) from error
    if version is None:
        raise failures.not_ours(path, "a SQLite database of another program")
    if version > schema.VERSION:
        raise failures.newer_schema(path, version, schema.VERSION)
    return version


def reading_uri(path: str) -> str:
    """Give the URI to read a file with: where SQLite may not put its shared memory beside the file, the file is taken as unchanging."""
    writable = os.access(path, os.W_OK) and os.access(Path(path).resolve().parent, os.W_OK)
    if writable or Path(path + "-wal").exists():
        return file_uri(path, "mode=ro")
    return file_uri(path, "mode=ro&immutable=1")
