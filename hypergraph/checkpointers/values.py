"""The stored form of a step's outputs and of a run's inputs: one blob, and beside it the values that are too large for a row.

With the default serializer the blob is one JSON object. With another one it is a frame: each value under its name, so that names can be
read, and a bad value found, without knowing that serializer.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hypergraph._text import fix
from hypergraph.checkpointers.serializers import Opaque, Serializer, Unstorable
from hypergraph.checkpointers.tagged import TaggedSerializer
from hypergraph.exceptions import SerializationError
from hypergraph.records import StepRecord

__all__ = ["LARGE_VALUE", "MAX_VALUE", "Packed", "ValueCodec", "compress", "decompress"]

# Values above this are compressed and shared by content.
LARGE_VALUE = 1 << 20
# The default of `max_value_bytes`.
MAX_VALUE = 512 << 20

_FRAME = 0x01
# So many forms of input versions are remembered.
_REMEMBERED = 4096

# (blob, ((name, bytes of a large value), ...))
Packed = tuple[bytes, tuple[tuple[str, bytes], ...]]


class ValueCodec:
    """Packs mappings of values for one store.

    Args:
        serializer: what turns a value into bytes.
        max_value_bytes: larger values are refused.
    """

    def __init__(self, serializer: Serializer | None = None, max_value_bytes: int = MAX_VALUE) -> None:
        self.serializer: Serializer = serializer if serializer is not None else TaggedSerializer()
        self.max_value_bytes = max_value_bytes
        self._tagged = self.serializer if isinstance(self.serializer, TaggedSerializer) else None
        # Reads what was written before the store was given another serializer.
        self._reader = self._tagged or TaggedSerializer()
        self._warned = False
        self._versions: dict[tuple[tuple[str, int], ...], str] = {}
        self._read_versions: dict[str, dict[str, int]] = {}

    @property
    def tagged(self) -> bool:
        """True for the default stored form."""
        return self._tagged is not None

    @property
    def reader(self) -> TaggedSerializer:
        """What reads the default stored form."""
        return self._reader

    def trust(self, things: Iterable[Any]) -> None:
        """Let stored objects of these classes be rebuilt."""
        things = list(things)
        self._reader.trust(things)

    def versions(self, versions: Mapping[str, int]) -> str:
        """Give the stored form of a step's input versions; the same ones come again and again."""
        key = tuple(versions.items())
        text = self._versions.get(key)
        if text is None:
            text = json.dumps(dict(versions), separators=(",", ":"), ensure_ascii=False)
            if len(self._versions) < _REMEMBERED:
                self._versions[key] = text
        return text

    def read_versions(self, text: str) -> dict[str, int]:
        """Give the input versions of a stored form."""
        found = self._read_versions.get(text)
        if found is None:
            found = json.loads(text)
            if len(self._read_versions) < _REMEMBERED:
                self._read_versions[text] = found
        return dict(found)

    def pack(self, values: Mapping[str, Any], source: str | StepRecord) -> Packed:
        """Give the stored form of `values`.

        Raises:
            SerializationError: one of them has none; the message begins with `source` (a phrase, or a step) and names the value.
        """
        if self._tagged is not None:
            try:
                data = self._tagged.encode(values if type(values) is dict else dict(values))
            except Unstorable as error:
                raise _refused(_phrase(source), error.where(), error.reason) from None
            if len(data) <= LARGE_VALUE:
                return data, ()
            return self._pack_large(values, _phrase(source))
        return self._pack_framed(values, _phrase(source))

    def _pack_large(self, values: Mapping[str, Any], where: str) -> Packed:
        assert self._tagged is not None
        small: dict[str, Any] = {}
        large: list[tuple[str, bytes]] = []
        for name, value in values.items():
            raw = self._tagged.encode(value)
            if len(raw) > LARGE_VALUE:
                self._check_size(where, name, len(raw))
                large.append((name, raw))
            else:
                small[name] = value
        return self.pack(small, where)[0] if large else self._tagged.encode(dict(values)), tuple(large)

    def _pack_framed(self, values: Mapping[str, Any], where: str) -> Packed:
        head: list[tuple[str, int]] = []
        body: list[bytes] = []
        large: list[tuple[str, bytes]] = []
        for name, value in values.items():
            try:
                raw = bytes(self.serializer.serialize(value))
            except Exception as error:  # a serializer may be anybody's
                raise _refused(where, f"[{name!r}]", str(error).partition("\n")[0].rstrip(".")) from error
            if len(raw) > LARGE_VALUE:
                self._check_size(where, name, len(raw))
                large.append((name, raw))
            else:
                head.append((name, len(raw)))
                body.append(raw)
        return bytes([_FRAME]) + json.dumps(head).encode() + b"\n" + b"".join(body), tuple(large)

    def _check_size(self, where: str, name: str, size: int) -> None:
        if size > self.max_value_bytes:
            raise SerializationError(
                f"{where}: value {name!r} takes {size:,} bytes; this store refuses values above {self.max_value_bytes:,}."
                + fix("Return a reference to it (a path, a key) in its place", "Or allow more: SqliteCheckpointer(max_value_bytes=...)")
            )
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"{where}: value {name!r} takes {size / (1 << 20):.1f} MiB in the checkpoint store. It is compressed and shared by "
                "content; a path or key in its place would be cheaper. (Said once for this store.)",
                UserWarning,
                stacklevel=2,
            )

    def unpack(self, data: bytes | str, large: Iterable[tuple[str, bytes]] = ()) -> dict[str, Any]:
        """Give the values of a blob and of the large values beside it (decompressed).

        Raises:
            SerializationError: the data is damaged.
        """
        values = self._unpack_small(data)
        for name, raw in large:
            values[name] = self._value(raw)
        return values

    def unpack_many(self, blobs: Sequence[bytes | None]) -> list[dict[str, Any] | None]:
        """Give the values of many blobs: parsed as one text where that can be done, which is four times as fast."""
        texts = [blob for blob in blobs if blob is not None]
        if all(type(blob) is bytes and blob[:1] == b"{" for blob in texts):
            try:
                found = iter(self._reader.deserialize(b"[" + b",".join(texts) + b"]"))
                values = [None if blob is None else next(found) for blob in blobs]
                if all(one is None or type(one) is dict for one in values):
                    return values
            except (SerializationError, StopIteration):
                # One of them is damaged: which one is told below.
                pass
        return [None if blob is None else self.unpack(blob) for blob in blobs]

    def parse(self, text: bytes) -> list[Any] | None:
        """Give the items of a JSON list in which stored values stand as they are; None when it cannot be read as one."""
        try:
            found = self._reader.deserialize(text)
        except SerializationError:
            return None
        return found if type(found) is list else None

    def _unpack_small(self, data: bytes | str) -> dict[str, Any]:
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogatepass")
        if data[:1] == b"\x01":
            return {name: self._value(raw) for name, raw in frames(data)}
        found = self._reader.deserialize(data)
        if isinstance(found, Opaque):
            return {"value": found}
        if not isinstance(found, dict):
            raise SerializationError("Stored outputs are not a mapping: the data is damaged." + fix("Read another step of this run"))
        return found

    def _value(self, raw: bytes) -> Any:
        if self._tagged is not None:
            return self._tagged.deserialize(raw)
        try:
            return self.serializer.deserialize(raw)
        except Exception as error:  # a serializer may be anybody's
            raise SerializationError(
                f"Stored value cannot be read by {type(self.serializer).__name__}: {error}."
                + fix("Open the store with the serializer that wrote it")
            ) from error


def frames(data: bytes) -> list[tuple[str, bytes]]:
    """Give the named parts of a frame."""
    try:
        head, _, body = data[1:].partition(b"\n")
        found, start = [], 0
        for name, size in json.loads(head):
            found.append((str(name), body[start : start + size]))
            start += size
    except (ValueError, TypeError) as error:
        raise SerializationError(f"Stored values cannot be read: {error}." + fix("The data is damaged")) from error
    return found


def compress(raw: bytes) -> bytes:
    """Give `raw` compressed."""
    import zstandard

    return zstandard.ZstdCompressor(level=3).compress(raw)


def decompress(data: bytes, size: int) -> bytes:
    """Give what was compressed; `size` bounds it, since stored data may lie about its size.

    Raises:
        SerializationError: the data is damaged.
    """
    import zstandard

    try:
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=max(size, 1))
    except zstandard.ZstdError as error:
        raise SerializationError(f"A large stored value cannot be read: {error}." + fix("The data is damaged")) from error


def _phrase(source: str | StepRecord) -> str:
    return source if isinstance(source, str) else f"Step {source.node_name!r} of run {source.run_id!r}"


def _refused(where: str, place: str, reason: str) -> SerializationError:
    name = place[2:].partition("'")[0] if place.startswith("['") else place
    inside = place[len(name) + 4 :] if place.startswith("['") else ""
    at = f" at {name}{inside}" if inside else ""
    return SerializationError(
        f"{where}: value {name!r} cannot be stored{at}: {reason}."
        + fix("Return plain data, a dataclass or a pydantic model", "Or give the store a serializer that knows this type")
    )
