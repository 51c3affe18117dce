"""Caches: what goes in comes out, what was tampered with does not."""

from __future__ import annotations

import os
import pickle
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hypergraph.cache import CacheBackend, DiskCache, InMemoryCache, compute_cache_key

MISS = (False, None)


@pytest.fixture
def disk(tmp_path):
    with_cache = DiskCache(tmp_path / "cache")
    yield with_cache
    with_cache.close()


@pytest.fixture(params=["memory", "disk"])
def cache(request, tmp_path):
    made = InMemoryCache() if request.param == "memory" else DiskCache(tmp_path / "cache")
    yield made
    if isinstance(made, DiskCache):
        made.close()


def test_an_unknown_key_is_a_miss(cache):
    assert cache.get("nothing") == MISS


@pytest.mark.parametrize("value", [None, 0, "text", [1, {"a": (2, 3)}], {1, 2}, b"bytes"])
def test_a_value_comes_back_equal(cache, value):
    cache.set("k", value)
    assert cache.get("k") == (True, value)


def test_setting_again_replaces(cache):
    cache.set("k", 1)
    cache.set("k", 2)
    assert cache.get("k") == (True, 2)


def test_clear_forgets_everything(cache):
    cache.set("k", 1)
    cache.clear()
    assert cache.get("k") == MISS


def test_both_are_cache_backends(cache):
    assert isinstance(cache, CacheBackend)


def test_a_hit_is_the_callers_own(cache):
    """Changing a value that was put in or got out changes no later hit."""
    value = [1]
    cache.set("k", value)
    value.append(2)
    cache.get("k")[1].append(3)
    assert cache.get("k") == (True, [1])


def test_many_threads_can_use_one_cache(cache):
    def work(number: int) -> bool:
        cache.set(f"k{number % 7}", number % 7)
        return cache.get(f"k{number % 7}") == (True, number % 7)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(100)))


def test_the_least_recently_used_entry_leaves_first():
    cache = InMemoryCache(max_size=2)
    cache.set("a", 1)
    cache.set("b", 2)
    cache.get("a")
    cache.set("c", 3)
    assert [cache.get(key)[0] for key in "abc"] == [True, False, True]
    assert len(cache) == 2


def test_max_size_zero_keeps_nothing():
    cache = InMemoryCache(max_size=0)
    cache.set("a", 1)
    assert cache.get("a") == MISS


def test_a_negative_max_size_is_refused():
    with pytest.raises(ValueError, match="max_size"):
        InMemoryCache(max_size=-1)


def test_memory_shares_what_has_no_copy():
    lock = threading.Lock()
    cache = InMemoryCache()
    cache.set("lock", lock)
    assert cache.get("lock") == (True, lock)


def test_entries_survive_the_object(tmp_path):
    first = DiskCache(tmp_path)
    first.set("k", {"x": 1})
    first.close()
    second = DiskCache(tmp_path)
    assert second.get("k") == (True, {"x": 1})
    second.close()


def test_nothing_is_made_before_the_first_use(tmp_path, own_home):
    DiskCache(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
    assert list(own_home.iterdir()) == []


def test_key_and_file_are_private_and_apart(disk, own_home):
    disk.set("k", 1)
    key = own_home / "state" / "hypergraph" / "cache.key"
    assert disk.key_path == key
    assert len(key.read_bytes()) == 32
    assert key.stat().st_mode & 0o777 == 0o600
    assert disk.path.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in disk.cache_dir.iterdir()} == {"results.db"}


def test_the_key_is_made_once(disk, tmp_path):
    disk.set("k", 1)
    before = disk.key_path.read_bytes()
    other = DiskCache(tmp_path / "other")
    other.set("k", 1)
    other.close()
    assert disk.key_path.read_bytes() == before


def test_a_key_that_others_could_read_is_closed_to_them(disk):
    disk.key_path.parent.mkdir(parents=True)
    disk.key_path.write_bytes(bytes(32))
    disk.key_path.chmod(0o644)
    disk.set("k", 1)
    assert disk.key_path.stat().st_mode & 0o777 == 0o600


def test_a_broken_key_file_is_replaced(disk):
    disk.key_path.parent.mkdir(parents=True)
    disk.key_path.write_bytes(b"short")
    disk.set("k", 1)
    assert disk.get("k") == (True, 1)
    assert len(disk.key_path.read_bytes()) == 32


def test_entries_of_a_foreign_key_are_misses(disk):
    disk.set("k", 1)
    foreign = DiskCache(disk.cache_dir, key_path=disk.cache_dir.parent / "foreign.key")
    assert foreign.get("k") == MISS
    foreign.close()


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def _write(disk: DiskCache, column: str, value) -> None:
    connection = sqlite3.connect(disk.path)
    with connection:
        connection.execute(f"UPDATE results SET {column} = ?", (value,))
    connection.close()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("payload", b"garbage"),
        ("payload", "text"),
        ("payload", 7),
        ("signature", None),
        ("signature", b""),
        ("signature", "x" * 32),
        ("key", "moved"),
    ],
)
def test_a_tampered_entry_is_dropped_as_a_miss(disk, column, value):
    disk.set("k", 1)
    _write(disk, column, value)
    asked = "moved" if column == "key" else "k"
    assert disk.get(asked) == MISS
    connection = sqlite3.connect(disk.path)
    assert connection.execute("SELECT count(*) FROM results").fetchone() == (0,)
    connection.close()


def test_unsigned_data_is_never_deserialised(disk, tmp_path):
    disk.set("k", 1)
    _write(disk, "payload", pickle.dumps(Bomb(tmp_path / "ran")))
    assert disk.get("k") == MISS
    assert not (tmp_path / "ran").exists()


def test_a_value_that_cannot_be_pickled_is_left_out_with_a_warning(disk):
    with pytest.warns(UserWarning, match="cannot store a lock"):
        disk.set("k", threading.Lock())
    assert disk.get("k") == MISS


@pytest.mark.parametrize("content", [b"this is no database, and longer than a header of one" * 40, b"SQLite format 3\0" + b"\1" * 4000])
def test_a_damaged_file_is_set_aside(disk, content):
    disk.cache_dir.mkdir()
    disk.path.write_bytes(content)
    with pytest.warns(UserWarning, match="damaged"):
        assert disk.get("k") == MISS
    disk.set("k", 1)
    assert disk.get("k") == (True, 1)
    assert disk.path.with_suffix(".damaged").read_bytes() == content


def test_unknown_settings_say_that_they_do_nothing(tmp_path):
    with pytest.warns(UserWarning, match="'size_limit'"):
        DiskCache(tmp_path, size_limit=10)


def test_a_disk_cache_can_be_sent_to_another_process(disk):
    disk.set("k", 1)
    copy = pickle.loads(pickle.dumps(disk))
    assert copy.get("k") == (True, 1)
    copy.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_opens_the_file_itself(disk):
    disk.set("k", 1)
    child = os.fork()
    if child == 0:
        try:
            disk.set("from child", 2)
            os._exit(0 if disk.get("k") == (True, 1) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert disk.get("from child") == (True, 2)


def test_compute_cache_key_is_public():
    assert len(compute_cache_key("d", {"x": 1})) == 64
