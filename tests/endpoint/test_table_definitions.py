"""Definitions of tables: columns altered, comments, keys, options, lengths of texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from snowflake.connector.constants import FIELD_ID_TO_NAME
from snowflake.connector.errors import DatabaseError

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration
_COMMENTS = [
    "it's",
    "a\\b\\n",
    "line\nbreak",
    "; DROP TABLE t; --",
    "100 % %s ?",
    'a "quote"',
    "$1 é 🎉",
    "''",
    "/* no */",
]


@pytest.fixture
def cursor(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as connection, connection.cursor() as opened:
        opened.execute("CREATE OR REPLACE SCHEMA definitions")
        yield opened


def _described(cursor: Any, table: str = "t") -> list[tuple[str, str, str]]:
    """Name, type and null? of each column."""
    return [(row[0], row[1], row[3]) for row in cursor.execute(f"DESCRIBE TABLE {table}").fetchall()]


def _refused(cursor: Any, sql: str, errno: int, words: str) -> None:
    with pytest.raises(DatabaseError) as refused:
        cursor.execute(sql)
    assert (refused.value.errno, words in str(refused.value.msg)) == (errno, True), refused.value.msg


@pytest.mark.parametrize("temporary", ["", "TEMPORARY "])
def test_columns_come_and_go_several_at_once(cursor: Any, temporary: str) -> None:
    cursor.execute(f"CREATE {temporary}TABLE t (a INT, b INT, c INT)")
    cursor.execute("INSERT INTO t VALUES (1, 2, 3)")
    cursor.execute("ALTER TABLE t DROP COLUMN b, c")
    cursor.execute("ALTER TABLE t ADD COLUMN x INT, y VARCHAR(3) NOT NULL DEFAULT 'abc', \"z z\" NUMBER(5,2)")
    cursor.execute("ALTER TABLE t ADD COLUMN IF NOT EXISTS x INT")
    cursor.execute("ALTER TABLE t ADD IF NOT EXISTS y INT, COLUMN w VARIANT COMMENT 'it''s'")
    cursor.execute("ALTER TABLE t DROP COLUMN IF EXISTS nope")
    assert _described(cursor) == [
        ("A", "NUMBER(38,0)", "Y"), ("X", "NUMBER(38,0)", "Y"), ("Y", "VARCHAR(3)", "N"), ("z z", "NUMBER(5,2)", "Y"),
        ("W", "VARIANT", "Y"),
    ]  # fmt: skip
    assert cursor.execute("SELECT * FROM t").fetchall() == [(1, None, "abc", None, None)]
    assert cursor.execute("DESCRIBE TABLE t").fetchall()[4][9] == "it's"
    cursor.execute("ALTER TABLE t RENAME COLUMN y TO y2")
    _refused(cursor, "INSERT INTO t (y2) VALUES ('abcd')", 100078, "String 'abcd' is too long and would be truncated")
    _refused(cursor, "ALTER TABLE t DROP COLUMN a, nope", 904, "invalid identifier 'NOPE'")
    _refused(cursor, "ALTER TABLE t ADD COLUMN q INT, a INT", 1430, "column 'A' already exists")
    _refused(cursor, "ALTER TABLE t ADD COLUMN q INT NOT NULL", 2264, "cannot be added to non-empty table")
    assert len(_described(cursor)) == 5
    cursor.execute("ALTER TABLE IF EXISTS nope ADD COLUMN a INT")
    _refused(cursor, "ALTER TABLE nope ADD COLUMN a INT", 2003, "does not exist")


def test_columns_are_altered_as_snowflake_alters_them(cursor: Any) -> None:
    cursor.execute("CREATE TABLE t (a VARCHAR(3) DEFAULT 'x' COMMENT 'k', n NUMBER(5,2) NOT NULL, m INT)")
    cursor.execute("INSERT INTO t VALUES ('abc', 1.5, 7)")
    cursor.execute("ALTER TABLE t MODIFY COLUMN a SET DATA TYPE VARCHAR(5), COLUMN n DROP NOT NULL, m SET NOT NULL")
    cursor.execute("ALTER TABLE t ALTER (n TYPE NUMBER(9,2), a COMMENT 'it''s', COLUMN a DROP DEFAULT)")
    assert _described(cursor) == [("A", "VARCHAR(5)", "Y"), ("N", "NUMBER(9,2)", "Y"), ("M", "NUMBER(38,0)", "N")]
    row = cursor.execute("DESCRIBE TABLE t").fetchall()[0]
    assert (row[4], row[9]) == (None, "it's")
    cursor.execute("INSERT INTO t VALUES ('abcde', NULL, 8)")
    _refused(cursor, "INSERT INTO t VALUES ('abcdef', NULL, 8)", 100078, "String 'abcdef' is too long")
    _refused(cursor, "INSERT INTO t (a) VALUES ('a')", 100072, "NULL result in a non-nullable column")
    _refused(cursor, "ALTER TABLE t ALTER a TYPE VARCHAR(2)", 40050, "reducing the byte-length of a varchar")
    _refused(
        cursor, "ALTER TABLE t ALTER a TYPE INT", 2108, "cannot change column A from type VARCHAR(5) to NUMBER(38,0)"
    )
    _refused(cursor, "ALTER TABLE t ALTER n TYPE NUMBER(9,3)", 2108, "from type NUMBER(9,2) to NUMBER(9,3)")
    _refused(cursor, "ALTER TABLE t ALTER m SET DEFAULT 5", 2, "Alter Column Set Default")
    assert cursor.execute("SELECT * FROM t ORDER BY m").fetchall()[0][0] == "abc"


@pytest.mark.parametrize(
    "write",
    [
        "INSERT INTO t VALUES ('éèê!')",
        "INSERT INTO t SELECT 'éèê!'",
        "UPDATE t SET a = a || 'éè!'",
        "MERGE INTO t USING (SELECT 'é' k, 'éèê!' v) s ON t.a = s.k WHEN MATCHED THEN UPDATE SET a = s.v",
        "MERGE INTO t USING (SELECT 'éèê!' v) s ON t.a = s.v WHEN NOT MATCHED THEN INSERT (a) VALUES (s.v)",
        "CREATE TABLE u (a VARCHAR(3)) AS SELECT 'éèê!'",
    ],
)
def test_a_text_that_is_too_long_is_refused_on_every_way_in(cursor: Any, write: str) -> None:
    cursor.execute("CREATE TABLE t (a VARCHAR(3))")
    cursor.execute("INSERT INTO t VALUES ('é')")
    _refused(cursor, write, 100078, "String 'é")
    assert cursor.execute("SELECT a FROM t").fetchall() == [("é",)]
    _refused(cursor, "SELECT * FROM u", 2003, "does not exist")


def test_a_table_made_from_a_query_keeps_what_it_declares(cursor: Any) -> None:
    cursor.execute("CREATE TABLE s (a INT NOT NULL, b VARCHAR(3) DEFAULT 'x') AS SELECT 1, 'abc'")
    assert _described(cursor, "s") == [("A", "NUMBER(38,0)", "N"), ("B", "VARCHAR(3)", "Y")]
    cursor.execute("CREATE OR REPLACE TABLE s (a INT NOT NULL, b VARCHAR(4)) AS SELECT a + 1, b || 'd' FROM s")
    assert cursor.execute("SELECT * FROM s").fetchall() == [(2, "abcd")]
    _refused(cursor, "CREATE OR REPLACE TABLE s (a INT NOT NULL) AS SELECT NULL", 100072, "NULL result")
    assert cursor.execute("SELECT * FROM s").fetchall() == [(2, "abcd")]
    for copy in ("CREATE TABLE c CLONE s", "CREATE TEMPORARY TABLE d LIKE s", "CREATE TABLE IF NOT EXISTS e LIKE s"):
        cursor.execute(copy)
        assert _described(cursor, copy.split()[-3]) == _described(cursor, "s")


def test_keys_are_recorded_and_not_enforced(cursor: Any) -> None:
    cursor.execute("CREATE TABLE p (id INT PRIMARY KEY RELY, u VARCHAR UNIQUE NOT ENFORCED)")
    cursor.execute(
        "CREATE TABLE t (a INT, b INT, c INT REFERENCES p, CONSTRAINT pk PRIMARY KEY (a, b) NOT ENFORCED RELY,"
        " CONSTRAINT fk FOREIGN KEY (b) REFERENCES p (id) ON DELETE CASCADE)"
    )
    cursor.execute("INSERT INTO p VALUES (1, 'a'), (1, 'a')")
    cursor.execute("INSERT INTO t VALUES (1, 1, 99), (1, 1, 98)")
    _refused(cursor, "INSERT INTO t VALUES (NULL, 1, 1)", 100072, "NULL result in a non-nullable column")
    assert [(row[0], row[3], row[5]) for row in cursor.execute("DESCRIBE TABLE t").fetchall()] == [
        ("A", "N", "Y"), ("B", "N", "Y"), ("C", "Y", "N"),
    ]  # fmt: skip
    assert [row[6] for row in cursor.execute("DESCRIBE TABLE p").fetchall()] == ["N", "Y"]
    keys = [(row[3], row[4], row[5], row[6], row[7]) for row in cursor.execute("SHOW PRIMARY KEYS IN t").fetchall()]
    assert keys == [("T", "A", 1, "PK", "true"), ("T", "B", 2, "PK", "true")]
    imported = cursor.execute("SHOW IMPORTED KEYS IN TABLE t").fetchall()
    assert {(row[3], row[4], row[8], row[11]) for row in imported} == {
        ("P", "ID", "C", "NO ACTION"), ("P", "ID", "B", "CASCADE"),
    }  # fmt: skip
    cursor.execute("ALTER TABLE t DROP PRIMARY KEY")
    cursor.execute("ALTER TABLE t ADD CONSTRAINT one UNIQUE (c)")
    cursor.execute("ALTER TABLE t RENAME CONSTRAINT one TO other")
    cursor.execute("ALTER TABLE t RENAME TO t2")
    assert cursor.execute("SHOW PRIMARY KEYS IN t2").fetchall() == []
    assert [(row[4], row[6]) for row in cursor.execute("SHOW UNIQUE KEYS IN t2").fetchall()] == [("C", "OTHER")]
    _refused(cursor, "ALTER TABLE t2 ADD PRIMARY KEY (nope)", 904, "invalid identifier 'NOPE'")
    cursor.execute("CREATE TABLE ch (i INT CHECK (i > 0))")
    with pytest.raises(DatabaseError, match="CHECK"):
        cursor.execute("INSERT INTO ch VALUES (0)")


def test_options_are_recorded_and_shown_or_refused(cursor: Any) -> None:
    cursor.execute(
        "CREATE TABLE t (a INT, d TIMESTAMP) CLUSTER BY (TO_DATE(d), a) DATA_RETENTION_TIME_IN_DAYS = 7 CHANGE_TRACKING = TRUE"
        " COPY GRANTS COMMENT = $$it's$$"
    )

    def shown() -> dict[str, Any]:
        row = cursor.execute("SHOW TABLES LIKE 'T'").fetchall()[0]
        return dict(zip((column[0] for column in cursor.description), row, strict=True))

    wanted = ("cluster_by", "retention_time", "change_tracking", "automatic_clustering", "comment")
    assert [shown()[name] for name in wanted] == ["LINEAR(TO_DATE(D), A)", "7", "ON", "ON", "it's"]
    assert shown()["created_on"].year > 2000
    cursor.execute("ALTER TABLE t SET CHANGE_TRACKING = FALSE COMMENT = 'other'")
    cursor.execute("ALTER TABLE t DROP CLUSTERING KEY")
    cursor.execute("ALTER TABLE t UNSET DATA_RETENTION_TIME_IN_DAYS")
    assert [shown()[name] for name in wanted] == ["", "1", "OFF", "OFF", "other"]
    _refused(cursor, "CREATE TABLE u (a INT) NO_SUCH_OPTION = 1", 1422, "invalid property 'NO_SUCH_OPTION'")
    _refused(cursor, "CREATE TABLE u (a INT) DATA_RETENTION_TIME_IN_DAYS = 91", 1008, "invalid value [91]")
    _refused(cursor, "CREATE TABLE u (a VARCHAR COLLATE 'de')", 2, "collation de")
    _refused(cursor, "SELECT 'a' = 'A' COLLATE 'nocase'", 2, "collation nocase")
    _refused(cursor, "SELECT 1 ORDER BY COLLATE('a', 'en-ci')", 2, "collation en-ci")
    assert cursor.execute("SELECT COLLATE('b', 'utf8') < 'a' COLLATE ''").fetchall() == [(False,)]
    _refused(cursor, "SELECT * FROM u", 2003, "does not exist")


def _literals(text: str) -> list[str]:
    escaped = text.replace("\\", "\\\\")
    return ["'" + escaped.replace("'", "''") + "'", "'" + escaped.replace("'", "\\'") + "'"] + (
        [] if "$$" in text or text.endswith("$") else [f"$${text}$$"]
    )


@pytest.mark.parametrize("text", _COMMENTS)
def test_comments_are_kept_as_they_are(cursor: Any, text: str) -> None:
    for literal in _literals(text):
        cursor.execute(f"CREATE OR REPLACE TABLE t (i INT COMMENT {literal}) COMMENT = {literal}")
        assert cursor.execute("SHOW TABLES LIKE 'T'").fetchall()[0][5] == text
        assert cursor.execute("DESCRIBE TABLE t").fetchall()[0][9] == text
        cursor.execute(f"CREATE OR REPLACE VIEW v (i COMMENT {literal}) COMMENT = {literal} AS SELECT i FROM t")
        assert cursor.execute("SHOW VIEWS LIKE 'V'").fetchall()[0][6] == text
        assert cursor.execute("DESCRIBE VIEW v").fetchall()[0][9] == text
        for kind, name, show, place in (
            ("TABLE", "t", "SHOW TABLES LIKE 'T'", 5),
            ("VIEW", "v", "SHOW VIEWS LIKE 'V'", 6),
            ("SCHEMA", "definitions", "SHOW SCHEMAS LIKE 'DEFINITIONS'", 6),
            ("DATABASE", "test", "SHOW DATABASES LIKE 'TEST'", 6),
            ("COLUMN", "t.i", "DESCRIBE TABLE t", 9),
            ("COLUMN", "test.definitions.v.i", "DESCRIBE VIEW v", 9),
        ):
            cursor.execute(f"COMMENT ON {kind} {name} IS 'before'")
            cursor.execute(f"COMMENT IF EXISTS ON {kind} {name} IS {literal}")
            assert cursor.execute(show).fetchall()[0][place] == text, kind


def test_comments_in_the_information_schema_and_without_the_thing(cursor: Any) -> None:
    cursor.execute("CREATE TABLE t (i INT COMMENT 'c', s VARCHAR(7)) COMMENT = 'it''s'")
    schema = "test.information_schema"
    where = "WHERE table_schema = 'DEFINITIONS' AND table_name = 'T'"
    assert cursor.execute(f"SELECT comment FROM {schema}.tables {where}").fetchall() == [("it's",)]
    query = f"SELECT comment, character_maximum_length FROM {schema}.columns {where} ORDER BY ordinal_position"
    assert cursor.execute(query).fetchall() == [("c", None), (None, 7)]
    cursor.execute("COMMENT IF EXISTS ON TABLE nope IS 'x'")
    cursor.execute("COMMENT IF EXISTS ON COLUMN t.nope IS 'x'")
    _refused(cursor, "COMMENT ON VIEW t IS 'x'", 2003, "does not exist")
    _refused(cursor, "COMMENT ON COLUMN t.nope IS 'x'", 904, "invalid identifier 'NOPE'")
    cursor.execute("ALTER VIEW IF EXISTS nope SET COMMENT = 'x'")


def test_a_session_sees_what_another_has_made_of_a_column(endpoint: RunningEndpoint, cursor: Any) -> None:
    """What it has learned of a table's columns holds until something is defined."""

    def kind() -> int:
        return int(cursor.execute("SELECT v FROM definitions.changing").description[0].type_code)

    cursor.execute("CREATE TABLE definitions.changing (v VARIANT)")
    variant = kind()
    with endpoint.connect() as other:
        other.cursor().execute("CREATE OR REPLACE TABLE definitions.changing (v ARRAY)")
    array = kind()
    cursor.execute("ALTER TABLE definitions.changing ADD COLUMN w OBJECT")
    cursor.execute("ALTER TABLE definitions.changing DROP COLUMN v")
    cursor.execute("ALTER TABLE definitions.changing RENAME COLUMN w TO v")
    assert [FIELD_ID_TO_NAME[number] for number in (variant, array, kind())] == ["VARIANT", "ARRAY", "OBJECT"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20))
def test_any_text_is_a_comment(cursor: Any, text: str) -> None:
    for literal in _literals(text):
        cursor.execute(f"CREATE OR REPLACE TABLE t (i INT COMMENT {literal}) COMMENT = {literal}")
        assert cursor.execute("SHOW TABLES LIKE 'T'").fetchall()[0][5] == text
        assert cursor.execute("DESCRIBE TABLE t").fetchall()[0][9] == text


def test_columns_that_count_show_their_identity_and_others_their_sequence(endpoint: RunningEndpoint) -> None:
    """A default is never the call that DuckDB makes of it."""
    with endpoint.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE SEQUENCE numbers START = 1 INCREMENT = 1 ORDER COMMENT = 'it''s'")
        assert [row[1:5] + row[7:8] for row in cursor.execute("SHOW SEQUENCES LIKE 'NUMBERS'").fetchall()] == [
            ("TEST", "PUBLIC", "1", "1", "it's"),
        ]  # fmt: skip
        # See: https://docs.snowflake.com/en/sql-reference/sql/alter-sequence (the interval counts from the second use)
        cursor.execute("CREATE OR REPLACE SEQUENCE old START 5 INCREMENT 2")
        cursor.execute("SELECT old.NEXTVAL")
        for sql in ("ALTER SEQUENCE old SET INCREMENT BY 10", "ALTER SEQUENCE old SET COMMENT = 'new'",
                    "ALTER SEQUENCE old RENAME TO renewed", "ALTER SEQUENCE IF EXISTS old UNSET COMMENT"):  # fmt: skip
            cursor.execute(sql)
        assert [cursor.execute("SELECT renewed.NEXTVAL").fetchone()[0] for _ in range(2)] == [7, 17]
        described = cursor.execute("DESCRIBE SEQUENCE renewed").fetchall()
        assert [row[:5] + row[7:8] for row in described] == [("RENEWED", "TEST", "PUBLIC", "27", "10", "new")]
        cursor.execute(
            "CREATE OR REPLACE TABLE counted (a INT AUTOINCREMENT, b INT IDENTITY(10, 5) ORDER, c INT DEFAULT numbers.NEXTVAL,"
            " d INT DEFAULT 1 + 1)"
        )
        defaults = [row[4] for row in cursor.execute("DESCRIBE TABLE counted").fetchall()]
        assert defaults[:3] == [
            "IDENTITY START 1 INCREMENT 1 NOORDER",
            "IDENTITY START 10 INCREMENT 5 ORDER",
            "TEST.PUBLIC.NUMBERS.NEXTVAL",
        ]
        shown = cursor.execute("SHOW COLUMNS IN TABLE counted").fetchall()
        assert [(row[5], row[10]) for row in shown[:3]] == [
            ("", defaults[0]), ("", defaults[1]), (defaults[2], ""),
        ]  # fmt: skip
        cursor.execute(
            "SELECT column_default, is_identity FROM information_schema.columns WHERE table_name = 'COUNTED'"
            " ORDER BY ordinal_position"
        )
        assert cursor.fetchall()[:3] == [(None, "YES"), (None, "YES"), (defaults[2], "NO")]
        ddl = cursor.execute("SELECT GET_DDL('TABLE', 'counted')").fetchone()[0]
        in_full = cursor.execute("SELECT GET_DDL('TABLE', 'counted', TRUE)").fetchone()[0]
        assert in_full == ddl.replace("TABLE COUNTED", "TABLE TEST.PUBLIC.COUNTED")
        assert "A NUMBER(38,0) autoincrement start 1 increment 1 noorder," in ddl
        assert "B NUMBER(38,0) autoincrement start 10 increment 5 order," in ddl
        assert "C NUMBER(38,0) DEFAULT TEST.PUBLIC.NUMBERS.NEXTVAL" in ddl
        cursor.execute("INSERT INTO counted (d) VALUES (0), (0)")
        before = cursor.execute("SELECT a, b, c FROM counted ORDER BY a").fetchall()
        cursor.execute("CREATE SCHEMA IF NOT EXISTS elsewhere")
        cursor.execute("INSERT INTO TEST.PUBLIC.counted (d) VALUES (0)")
        cursor.execute("USE SCHEMA PUBLIC")
        cursor.execute(ddl.replace("COUNTED", "COUNTED_AGAIN"))
        cursor.execute("INSERT INTO counted_again (d) VALUES (0)")
        after = cursor.execute("SELECT a, b, c FROM counted_again").fetchall()
        assert (before, after) == ([(1, 10, 1), (2, 15, 2)], [(1, 10, 4)])
