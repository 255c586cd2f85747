"""Types of a flight recording, as its own metadata describes them, and the values that are made of them.

A recording says of each type which fields it has, so nothing of a profiler's version is built in here but the few names that
are asked for. Hostile input is bounded: no value without bytes, no nesting beyond what the format has.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from offheap.evidence.errors import EvidenceError


@dataclass(frozen=True, slots=True)
class Rows:
    """A list of values that have nothing but numbers, eight bytes each: stacks are most of a recording's names."""

    places: dict[str, int]
    numbers: array[int]

    def pairs(self, first: str, second: str) -> list[tuple[int, int]]:
        """Two fields of each value, in the order of the list."""
        width = len(self.places)
        if not {first, second} <= self.places.keys():
            return []
        return list(
            zip(self.numbers[self.places[first] :: width], self.numbers[self.places[second] :: width], strict=True)
        )


Value = int | str | float | None | Rows | list["Value"] | dict[str, "Value"]
Pool = dict[int, Value]

_MOST_DEPTH = 12
_STRING = "java.lang.String"
_ONE_BYTE = frozenset(("boolean", "byte"))
_NUMBERS = frozenset(("char", "short", "int", "long"))
_FLOATS = {"float": 4, "double": 8}


class Reader:
    """Values one after the other. Raises EvidenceError where the bytes end."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at

    def number(self) -> int:
        """LEB128; of nine bytes the last has eight bits."""
        data, at = self.data, self.at
        result = shift = 0
        try:
            while shift < 56:
                byte = data[at]
                at += 1
                if byte < 128:
                    self.at = at
                    return result | byte << shift
                result |= (byte & 127) << shift
                shift += 7
            result |= data[at] << 56
        except IndexError:
            raise EvidenceError("the recording ends within a number") from None
        self.at = at + 1
        return result

    def numbers(self, count: int) -> list[int]:
        """As `number`, written out: millions of events have nothing else."""
        data, at = self.data, self.at
        values: list[int] = []
        try:
            for _ in range(count):
                byte = data[at]
                at += 1
                result, shift = byte & 127, 7
                while byte > 127 and shift < 56:
                    byte = data[at]
                    at += 1
                    result |= (byte & 127) << shift
                    shift += 7
                if byte > 127:
                    result |= data[at] << 56
                    at += 1
                values.append(result)
        except IndexError:
            raise EvidenceError("the recording ends within a number") from None
        self.at = at
        return values

    def count(self) -> int:
        """How many values follow: none can be without a byte."""
        count = self.number()
        if count > len(self.data) - self.at:
            raise EvidenceError("a list is longer than the recording")
        return count

    def take(self, size: int) -> bytes:
        taken = self.data[self.at : self.at + size]
        if len(taken) < size:
            raise EvidenceError("the recording ends within a value")
        self.at += size
        return taken

    def string(self) -> str | int | None:
        """A text; a number where it is one of the pool of strings (encoding 2)."""
        encoding = self.take(1)[0]
        match encoding:
            case 0:
                return None
            case 1:
                return ""
            case 2:
                return self.number()
            case 3:
                return self.take(self.count()).decode("utf-8", "replace")
            case 4:
                return "".join(chr(min(self.number(), 0xFFFF)) for _ in range(self.count()))
            case 5:
                return self.take(self.count()).decode("latin-1")
        raise EvidenceError(f"a string of unknown encoding {encoding}")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    type_id: int
    is_reference: bool
    is_list: bool


@dataclass(frozen=True, slots=True)
class _Type:
    name: str
    fields: tuple[_Field, ...]


class Types:
    """All types of one chunk by their numbers."""

    def __init__(self, types: dict[int, _Type]) -> None:
        self._types = types
        self._ids = {each.name: number for number, each in types.items()}

    def id_of(self, name: str) -> int:
        """-1 when the recording knows no such type."""
        return self._ids.get(name, -1)

    def numbers_of(self, name: str) -> dict[str, int]:
        """The places of the fields of a type that has nothing but numbers; {} when there is no such type.

        Raises EvidenceError when one of them is more than a number.
        """
        found = self._types.get(self.id_of(name))
        if found is None:
            return {}
        for each in found.fields:
            if not self._is_number(each):
                raise EvidenceError(f"{name}.{each.name} is not a number")
        places = {each.name: place for place, each in enumerate(found.fields)}
        wanted = {"startTime", "address", "stackTrace"} | ({"size"} if name == "profiler.Malloc" else set())
        if not wanted <= places.keys():
            raise EvidenceError(f"{name} has no {', '.join(sorted(wanted - places.keys()))}")
        return places

    def read(self, reader: Reader, name: str) -> Value:
        """One value of a type that `id_of` knows."""
        return self._value(reader, self.id_of(name), 0)

    def pools(self, chunk: bytes, at: int) -> dict[str, Pool]:
        """The constant pools by the names of their types; the later parts lead to the earlier ones by a distance."""
        pools: dict[str, Pool] = {}
        read_bytes = 0
        while True:
            if not 0 < at < len(chunk) or read_bytes > len(chunk):
                raise EvidenceError("the constant pools lie outside of their chunk")
            reader = Reader(chunk, at)
            reader.numbers(4)  # size, type, start, duration
            distance = reader.number()
            reader.take(1)  # whether it is a flush
            for _ in range(reader.count()):
                type_id = reader.number()
                pool = pools.setdefault(self._types[type_id].name if type_id in self._types else "", {})
                for _ in range(reader.count()):
                    key = reader.number()
                    pool[key] = self._value(reader, type_id, 0)
            if not distance:
                return pools
            # Parts that lie in each other would take for ever.
            read_bytes += reader.at - at
            at += distance - (1 << 64 if distance >> 63 else 0)

    def _value(self, reader: Reader, type_id: int, depth: int) -> Value:
        kind = self._types.get(type_id)
        if kind is None or depth > _MOST_DEPTH:
            raise EvidenceError("a value of a type that the recording does not describe")
        if kind.name == _STRING:
            return reader.string()
        if kind.name in _NUMBERS:
            return reader.number()
        if kind.name in _ONE_BYTE:
            return reader.take(1)[0]
        if kind.name in _FLOATS:
            reader.take(_FLOATS[kind.name])
            return 0.0
        if not kind.fields:
            raise EvidenceError(f"{kind.name} has no fields")
        return {each.name: self._field(reader, each, depth + 1) for each in kind.fields}

    def _field(self, reader: Reader, each: _Field, depth: int) -> Value:
        if each.is_list:
            if (kind := self._types.get(each.type_id)) and not each.is_reference and kind.fields:
                rows = self._rows(reader, kind)
                if rows is not None:
                    return rows
            return [self._one(reader, each, depth) for _ in range(reader.count())]
        return self._one(reader, each, depth)

    def _rows(self, reader: Reader, kind: _Type) -> Rows | None:
        """None when a field of the list's type is more than a number."""
        if not all(self._is_number(each) for each in kind.fields):
            return None
        numbers = array("Q")
        for _ in range(reader.count()):
            for each in kind.fields:
                numbers.append(reader.number() if each.is_reference else self._number(reader, each.type_id))
        return Rows({each.name: place for place, each in enumerate(kind.fields)}, numbers)

    def _number(self, reader: Reader, type_id: int) -> int:
        return reader.take(1)[0] if self._types[type_id].name in _ONE_BYTE else reader.number()

    def _is_number(self, each: _Field) -> bool:
        kind = self._types.get(each.type_id)
        return not each.is_list and (each.is_reference or (kind is not None and kind.name in _NUMBERS | _ONE_BYTE))

    def _one(self, reader: Reader, each: _Field, depth: int) -> Value:
        return reader.number() if each.is_reference else self._value(reader, each.type_id, depth)


def read_types(chunk: bytes, at: int) -> Types:
    """The metadata event: a table of strings and a tree of elements that refer to it."""
    reader = Reader(chunk, at)
    reader.numbers(5)  # size, type, start, duration, number of the metadata
    strings = [reader.string() for _ in range(reader.count())]
    types: dict[int, _Type] = {}
    _read_element(reader, [each if isinstance(each, str) else "" for each in strings], types, 0)
    return Types(types)


def _read_element(reader: Reader, strings: list[str], types: dict[int, _Type], depth: int) -> _Field | None:
    """Fills `types` with the classes below; gives the field when it is one."""
    if depth > _MOST_DEPTH:
        raise EvidenceError("the metadata are nested too deep")
    name = _string(strings, reader.number())
    attributes = {}
    for _ in range(reader.count()):
        key = _string(strings, reader.number())
        attributes[key] = _string(strings, reader.number())
    fields = []
    for _ in range(reader.count()):
        child = _read_element(reader, strings, types, depth + 1)
        if child is not None:
            fields.append(child)
    if name == "class":
        types[_int(attributes.get("id", ""))] = _Type(attributes.get("name", ""), tuple(fields))
    if name != "field":
        return None
    return _Field(
        attributes.get("name", ""),
        _int(attributes.get("class", "")),
        attributes.get("constantPool") == "true",
        attributes.get("dimension", "0") not in ("", "0"),
    )


def _string(strings: list[str], index: int) -> str:
    if index >= len(strings):
        raise EvidenceError("the metadata name a string that is not there")
    return strings[index]


def _int(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise EvidenceError("the metadata hold a type without a number")
    return int(text)
