"""The structs of a program in Go, as its reflection data has them: names and tags of fields, and what they hold.

Layouts: Go's ``internal/abi`` (type.go), for 64-bit programs that are linked to fixed addresses, as kubectl is.
"""

import re
import struct
from pathlib import Path
from typing import NamedTuple

# Kinds of Go's reflection that matter here.
ARRAY, MAP, POINTER, SLICE, STRING, STRUCT, UINT8 = 17, 21, 22, 23, 24, 25, 8
_HEAD = 48  # bytes of abi.Type
_NAMED, _EXTRA_STAR = 1, 2  # TFlag
_HAS_TAG, _EMBEDDED = 2, 8  # of a name


class GoField(NamedTuple):
    """A field as JSON shows it. ``kind`` is that of its type, ``type`` the type's name in Go."""

    kind: int
    type: str
    options: tuple[str, ...]
    tag: str


class _Type(NamedTuple):
    kind: int
    name: str
    package: str = ""
    parts: tuple[int, ...] = ()
    fields: tuple[tuple[str, str, bool, int], ...] = ()


class Program:
    """The types of one program, read when they are first met."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        self._sections = self._read_sections()
        self._base = self._sections[".rodata"][0]
        self._types: dict[int, _Type] = {}

    def structs(self) -> dict[str, dict[str, GoField]]:
        """Package and name, such as ``k8s.io/api/core/v1.PodSpec`` -> the fields by their names in JSON."""
        _, offset, size = self._sections[".typelink"]
        waiting = [self._base + link for link in struct.unpack_from(f"<{size // 4}i", self._data, offset)]
        while waiting:
            address = waiting.pop()
            if address not in self._types:
                found = self._types[address] = self._read(address)
                waiting += [*found.parts, *(field[3] for field in found.fields)]
        named = [found for found in self._types.values() if found.kind == STRUCT and found.package]
        return {f"{found.package}.{found.name.rpartition('.')[2]}": self._json_fields(found) for found in named}

    def _read_sections(self) -> dict[str, tuple[int, int, int]]:
        """Name -> address, offset in the file, size."""
        data = self._data
        (table,) = struct.unpack_from("<Q", data, 0x28)
        count, names = struct.unpack_from("<HH", data, 0x3C)
        rows = [struct.unpack_from("<IIQQQQ", data, table + index * 64) for index in range(count)]
        start = rows[names][4]
        return {self._text(start + row[0]): (row[3], row[4], row[5]) for row in rows}

    def _text(self, offset: int) -> str:
        return self._data[offset : self._data.index(b"\0", offset)].decode()

    def _offset(self, address: int) -> int:
        for start, offset, size in self._sections.values():
            if start and start <= address < start + size:
                return offset + address - start
        raise ValueError(f"{address:#x} is in no section")

    def _read(self, address: int) -> _Type:
        at = self._offset(address)
        flags, kind = self._data[at + 20], self._data[at + 23] & 31
        (name_at,) = struct.unpack_from("<i", self._data, at + 40)
        name = self._name(self._offset(self._base + name_at))[0]
        name = name[1:] if flags & _EXTRA_STAR else name
        if kind in (POINTER, SLICE, ARRAY):
            return _Type(kind, name, parts=struct.unpack_from("<Q", self._data, at + _HEAD))
        if kind == MAP:
            return _Type(kind, name, parts=struct.unpack_from("<QQ", self._data, at + _HEAD))
        return self._read_struct(at, name, bool(flags & _NAMED)) if kind == STRUCT else _Type(kind, name)

    def _read_struct(self, at: int, name: str, is_named: bool) -> _Type:
        first, count = struct.unpack_from("<QQ", self._data, at + _HEAD + 8)
        start = self._offset(first) if count else 0
        rows = [struct.unpack_from("<QQ", self._data, start + 24 * index) for index in range(count)]
        fields = tuple((*self._name(self._offset(name_at)), type_at) for name_at, type_at in rows)
        package = ""
        if is_named:
            (package_at,) = struct.unpack_from("<i", self._data, at + _HEAD + 32)
            package = self._name(self._offset(self._base + package_at))[0] if package_at else ""
        return _Type(STRUCT, name, package, fields=fields)

    def _name(self, at: int) -> tuple[str, str, bool]:
        """Name, tag, and whether the field is embedded."""
        flags = self._data[at]
        name, after = self._counted(at + 1)
        tag = self._counted(after)[0] if flags & _HAS_TAG else ""
        return name, tag, bool(flags & _EMBEDDED)

    def _counted(self, at: int) -> tuple[str, int]:
        size = shift = 0
        while True:
            octet = self._data[at]
            size |= (octet & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if octet < 0x80:
                return self._data[at : at + size].decode(), at + size

    def _json_fields(self, type_: _Type) -> dict[str, GoField]:
        found: dict[str, GoField] = {}
        for name, tag, embedded, at in type_.fields:
            match = re.search(r'json:"([^"]*)"', tag)
            json_name, *options = match[1].split(",") if match else [""]
            held = self._types[at]
            if not json_name and (embedded or "inline" in options):
                inner = self._types[held.parts[0]] if held.kind == POINTER else held
                found |= self._json_fields(inner)
            elif json_name != "-":
                found[json_name or name] = GoField(held.kind, held.name, tuple(options), tag)
        return found
