"""Read JSON as PARSE_JSON and CHECK_JSON do: keys without quotes, texts in single quotes, commas at an end.

See: https://docs.snowflake.com/en/sql-reference/functions/parse_json and …/check_json
"""

from __future__ import annotations

import json
import re
from typing import Final

from local_stack.endpoint.engine.native.marks import TAB

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_WORD: Final = re.compile(r"[A-Za-z_$][\w$]*")
_NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_WORDS: Final = {"true": "true", "false": "false", "null": "null", "undefined": "null", "NaN": '"NaN"'}


_UNDEFINED: Final = json.dumps(TAB)


class JsonError(ValueError):
    """Say what CHECK_JSON says of a text."""


def standard_json(text: str, repeats: bool = False, strips: bool = False) -> str | None:
    """Return a text that Snowflake takes as JSON, as JSON of the standard; None where it does not take it.

    repeats: keys may be repeated, the last value of a key stands. strips: members and elements that are null are left out.
    """
    try:
        return _Reader(text, repeats, strips).document()
    except JsonError:
        return None


def json_fault(text: str) -> str | None:
    """Return what CHECK_JSON says: None for a text that is JSON or empty."""
    if not text.strip():
        return None
    try:
        _Reader(text).document()
    except JsonError as error:
        return str(error)
    return None


class _Reader:
    """Read one document, writing it in the standard's form. Positions are told from 1."""

    def __init__(self, text: str, repeats: bool = False, strips: bool = False) -> None:
        self._text, self._at, self._repeats, self._strips = text, 0, repeats, strips

    def document(self) -> str:
        written = self._value()
        self._skip()
        if self._at < len(self._text):
            raise self._fault(f"misplaced {self._text[self._at]}" if self._text[self._at] in "}]," else "garbage")
        return written

    def _value(self) -> str:
        self._skip()
        match self._peek():
            case "":
                raise self._fault("unfinished value")
            case "{":
                return self._object()
            case "[":
                return self._array()
            case '"' | "'":
                return self._string()
        if number := _NUMBER.match(self._text, self._at):
            self._at = number.end()
            return number[0]
        word = _WORD.match(self._text, self._at)
        if word and word[0] in _WORDS:
            self._at = word.end()
            return _WORDS[word[0]]
        if self._peek() in "}],:":
            raise JsonError(f"misplaced {self._peek()}, pos {self._at + 1}")
        raise self._fault("unknown keyword" if word else "invalid character")

    def _object(self) -> str:
        self._at += 1
        members: dict[str, str] = {}
        while True:
            self._skip()
            if self._take("}"):
                kept = (f"{key}:{value}" for key, value in members.items() if not self._is_stripped(value))
                return "{" + ",".join(kept) + "}"
            if self._peek() == "":
                raise self._fault("incomplete object value")
            key = self._key()
            if key in members and not self._repeats:
                raise self._fault(f"duplicate object attribute {key}")
            self._skip()
            if not self._take(":"):
                raise JsonError(f"missing colon, pos {self._at + 1}")
            members[key] = self._value()
            self._skip()
            if self._peek() == "":
                raise self._fault("incomplete object value")
            if self._peek() != "}" and not self._take(","):
                raise JsonError(f"missing comma, pos {self._at + 1}")

    def _key(self) -> str:
        if self._peek() in "\"'":
            return self._string()
        if word := _WORD.match(self._text, self._at):
            self._at = word.end()
            return json.dumps(word[0])
        raise JsonError(f"misplaced {self._peek()}, pos {self._at + 1}")

    def _array(self) -> str:
        self._at += 1
        items: list[str] = []
        while True:
            self._skip()
            if self._take("]"):
                return "[" + ",".join(item for item in items if not self._is_stripped(item)) + "]"
            if self._peek() == "":
                raise self._fault("incomplete array value")
            missing = self._peek() == ","
            items.append(_UNDEFINED if missing or self._take("undefined") else self._value())
            self._skip()
            if self._peek() == "":
                raise self._fault("incomplete array value")
            if self._peek() != "]" and not self._take(","):
                raise JsonError(f"missing comma, pos {self._at + 1}")

    def _is_stripped(self, written: str) -> bool:
        return self._strips and written in ("null", _UNDEFINED)

    def _string(self) -> str:
        quote, start = self._text[self._at], self._at + 1
        end = start
        while end < len(self._text) and self._text[end] != quote:
            end += 2 if self._text[end] == "\\" else 1
        if end >= len(self._text):
            raise JsonError(f"unfinished string, pos {len(self._text) + 1}")
        self._at = end + 1
        content = self._text[start:end]
        if quote == "'":
            content = content.replace("\\'", "'").replace('"', '\\"')
        try:
            return json.dumps(json.loads(f'"{content}"', strict=False), ensure_ascii=False)
        except ValueError:
            raise JsonError(f"invalid escape in string, pos {start + 1}") from None

    def _fault(self, what: str) -> JsonError:
        return JsonError(f"{what}, pos {self._at + 1}")

    def _skip(self) -> None:
        if space := _SPACE.match(self._text, self._at):
            self._at = space.end()

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, text: str) -> bool:
        taken = self._text.startswith(text, self._at)
        self._at += len(text) if taken else 0
        return taken
