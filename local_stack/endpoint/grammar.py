"""Reading Snowflake statements token by token, with Snowflake's own errors.

Used for the statements that no SQL library parses faithfully (CREATE PROCEDURE, tasks, account objects): a `Reader`
walks the tokens, and whatever it does not expect is the syntax error that Snowflake would report, by line and position.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from local_stack.endpoint.statements import SqlError

if TYPE_CHECKING:
    from local_stack.endpoint.sessions import Session

TokenKind = Literal["word", "quoted", "string", "dollar", "number", "symbol", "end"]

_TOKEN = re.compile(
    r"""
    (?P<skip>\s+|--[^\n]*|//[^\n]*|/\*.*?\*/)
  | (?P<dollar>\$\$.*?\$\$)
  | (?P<string>'(?:[^'\\]|\\.|'')*')
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
  | (?P<word>[^\W\d][\w$]*)
  | (?P<symbol>=>|::|\|\||<=|>=|<>|!=|:=|->>|->|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0"}


@dataclass(frozen=True)
class Token:
    """kind, its text as written, and where it starts and ends in the statement."""

    kind: TokenKind
    text: str
    start: int
    end: int

    @property
    def upper(self) -> str:
        """The keyword, for words; the text as written for everything else (a quoted identifier is no keyword)."""
        return self.text.upper() if self.kind == "word" else self.text


def tokenize(sql: str) -> list[Token]:
    """The tokens of a statement, comments and white space left out, an 'end' token last."""
    tokens: list[Token] = []
    position = 0
    while position < len(sql):
        match = _TOKEN.match(sql, position)
        if match is None:  # unreachable: `.` matches anything
            raise SqlError(f"SQL compilation error:\nparse error near position {position}.", 1003, "42000")
        kind = match.lastgroup
        if kind == "symbol" and match.group() in "'\"":
            raise syntax_error(sql, Token("symbol", match.group(), position, position + 1))
        if kind != "skip":
            tokens.append(Token(kind, match.group(), match.start(), match.end()))  # type: ignore[arg-type]
        position = match.end()
    tokens.append(Token("end", "<EOF>", len(sql), len(sql)))
    return tokens


def syntax_error(sql: str, token: Token) -> SqlError:
    """Snowflake's message for an unexpected token."""
    line = sql.count("\n", 0, token.start) + 1
    column = token.start - (sql.rfind("\n", 0, token.start) + 1)
    return SqlError(
        f"SQL compilation error:\nsyntax error line {line} at position {column} unexpected '{token.text}'.",
        1003,
        "42000",
    )


def compilation_error(message: str, errno: int = 2140, sqlstate: str = "42601") -> SqlError:
    return SqlError(f"SQL compilation error:\n{message}", errno, sqlstate)


def invalid_property(name: str, owner: str) -> SqlError:
    return compilation_error(f"invalid property '{name}' for '{owner}'", 1422, "22023")


def missing_object(kind: str, name: str) -> SqlError:
    return compilation_error(f"{kind.capitalize()} '{name}' does not exist or not authorized.", 2003, "02000")


def existing_object(name: str) -> SqlError:
    return compilation_error(f"Object '{name}' already exists.", 2002, "42710")


def string_value(text: str) -> str:
    """The value of a '…' literal (with Snowflake's escapes) or of a $$…$$ one (none)."""
    if text.startswith("$$"):
        return text[2:-2]

    def unescape(match: re.Match[str]) -> str:
        if match.group() == "''":
            return "'"
        code = match.group(1)
        if code[0] in "xu" and len(code) > 1:
            return chr(int(code[1:], 16))
        return _ESCAPES.get(code, code)

    return re.sub(r"''|\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", unescape, text[1:-1], flags=re.DOTALL)


def quote_string(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def identifier_value(token: Token) -> str:
    """The stored name: upper case unless quoted."""
    return token.text[1:-1].replace('""', '"') if token.kind == "quoted" else token.text.upper()


def quote_name(name: str) -> str:
    """A stored name as it has to be written."""
    return name if re.fullmatch(r"[A-Z_][A-Z0-9_$]*", name) else '"' + name.replace('"', '""') + '"'


class Reader:
    """A position in a statement's tokens."""

    def __init__(self, sql: str, tokens: list[Token] | None = None) -> None:
        self.sql = sql
        self._tokens = tokens if tokens is not None else tokenize(sql)
        self._index = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._index]

    def peek(self, ahead: int = 1) -> Token:
        return self._tokens[min(self._index + ahead, len(self._tokens) - 1)]

    def at_end(self) -> bool:
        return self.token.kind == "end"

    def next(self) -> Token:
        token = self.token
        if token.kind != "end":
            self._index += 1
        return token

    def mark(self) -> int:
        return self._index

    def token_before(self, mark: int) -> Token:
        """The token just before a mark."""
        return self._tokens[mark - 1]

    def back_to(self, mark: int) -> None:
        self._index = mark

    def looking_at(self, *words: str) -> bool:
        return all(self.peek(i).upper == word for i, word in enumerate(words))

    def accept(self, *words: str) -> bool:
        """Consume these keywords or symbols, in order, if all of them are next."""
        if not self.looking_at(*words):
            return False
        self._index += len(words)
        return True

    def accept_any(self, *words: str) -> str | None:
        """Consume one of these keywords; which one."""
        return self.next().upper if self.token.upper in words else None

    def expect(self, *words: str) -> None:
        for word in words:
            if not self.accept(word):
                raise self.unexpected()

    def unexpected(self, token: Token | None = None) -> SqlError:
        return syntax_error(self.sql, token or self.token)

    def expect_end(self) -> None:
        if not self.at_end():
            raise self.unexpected()

    def identifier(self) -> str:
        """One identifier, as stored."""
        if self.token.kind not in ("word", "quoted"):
            raise self.unexpected()
        return identifier_value(self.next())

    def name(self) -> tuple[str, ...]:
        """A name of one to three parts, or IDENTIFIER('…') of one."""
        if self.looking_at("IDENTIFIER", "("):
            self.accept("IDENTIFIER", "(")
            inner = Reader(self.string())
            self.expect(")")
            parts = inner.name()
            inner.expect_end()
            return parts
        parts = (self.identifier(),)
        while self.accept("."):
            parts = (*parts, self.identifier())
        if len(parts) > 3:
            raise self.unexpected()
        return parts

    def string(self) -> str:
        """A string literal's value."""
        if self.token.kind not in ("string", "dollar"):
            raise self.unexpected()
        return string_value(self.next().text)

    def integer(self) -> int:
        negative = self.accept("-")
        if self.token.kind != "number" or not self.token.text.isdigit():
            raise self.unexpected()
        value = int(self.next().text)
        return -value if negative else value

    def boolean(self) -> bool:
        word = self.accept_any("TRUE", "FALSE")
        if word is None:
            raise self.unexpected()
        return word == "TRUE"

    def comma_separated(self) -> list[str]:
        """The texts of a parenthesised list's items: `(a, f(b, c))` gives ['a', 'f(b, c)']."""
        self.expect("(")
        items: list[str] = []
        if self.accept(")"):
            return items
        while True:
            items.append(self.expression(",", ")"))
            if self.accept(")"):
                return items
            self.expect(",")

    def expression(self, *until: str) -> str:
        """The text up to one of these words or symbols outside parentheses (not consumed); at least one token."""
        start, depth, last = self.token, 0, self.token
        while not self.at_end() and not (depth == 0 and self.token.upper in until):
            if self.token.text in ("(", "["):
                depth += 1
            elif self.token.text in (")", "]"):
                depth -= 1
                if depth < 0:
                    raise self.unexpected()
            last = self.next()
        if self.token is start or depth:
            raise self.unexpected()
        return self.sql[start.start : last.end]

    def rest(self) -> str:
        """Everything from the current token on, consumed."""
        text = self.sql[self.token.start :].rstrip().removesuffix(";").rstrip()
        self._index = len(self._tokens) - 1
        return text


def leading_words(sql: str, count: int = 6) -> tuple[str, ...]:
    """The statement's first keywords, without tokenizing all of it (a body may be long)."""
    words: list[str] = []
    position = 0
    while len(words) < count and position < len(sql):
        match = _TOKEN.match(sql, position)
        if match is None:
            break
        if match.lastgroup == "word":
            words.append(match.group().upper())
        elif match.lastgroup != "skip":
            words.append(match.group())
        position = match.end()
    return tuple(words)


@dataclass(frozen=True)
class SchemaName:
    """A resolved name of an object that lives in a schema."""

    database: str
    schema: str
    name: str

    def __str__(self) -> str:
        return ".".join(quote_name(part) for part in (self.database, self.schema, self.name))


def resolve(parts: tuple[str, ...], session: Session) -> SchemaName:
    """Complete a name from the session's current database and schema.

    Raises SqlError 090105/090106 where the session has none.
    """
    if len(parts) == 3:
        return SchemaName(*parts)
    if not session.database:
        raise SqlError(
            "Cannot perform operation. This session does not have a current database. Call 'USE DATABASE', or use a "
            "qualified name.",
            90105,
            "22000",
        )
    if len(parts) == 2:
        return SchemaName(session.database, *parts)
    if not session.schema:
        raise SqlError(
            "Cannot perform operation. This session does not have a current schema. Call 'USE SCHEMA', or use a "
            "qualified name.",
            90106,
            "22000",
        )
    return SchemaName(session.database, session.schema, parts[0])


def require_schema(place: SchemaName, session: Session) -> None:
    """Raise SqlError 002003 where an object's database or schema does not exist."""
    duckdb = session.engine.duck_conn.cursor()
    query = "SELECT 1 FROM duckdb_schemas() WHERE upper(database_name) = upper(?) AND upper(schema_name) = upper(?)"
    if duckdb.execute(query, [place.database, place.schema]).fetchone() is None:
        raise missing_object("Schema", f"{place.database}.{place.schema}")
