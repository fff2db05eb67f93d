"""Temporary stages and file formats: of one session, with their files, hiding permanent ones of the same name."""

from __future__ import annotations

from pathlib import Path

import pytest
from snowflake.connector.errors import DatabaseError

from tests.conftest import RunningEndpoint


def test_a_temporary_stage_ends_with_its_session(endpoint: RunningEndpoint, tmp_path: Path) -> None:
    (tmp_path / "permanent.csv").write_text("1\n")
    (tmp_path / "temporary.csv").write_text("2\n")
    with endpoint.connect() as other, endpoint.connect() as connection:
        cursor, others = connection.cursor(), other.cursor()
        cursor.execute("CREATE STAGE shared")
        cursor.execute(f"PUT file://{tmp_path}/permanent.csv @shared AUTO_COMPRESS = FALSE")
        cursor.execute("CREATE TEMPORARY STAGE shared")
        assert cursor.execute("LIST @shared").fetchall() == []
        cursor.execute(f"PUT file://{tmp_path}/temporary.csv @shared AUTO_COMPRESS = FALSE")
        assert [row[0] for row in cursor.execute("LIST @shared").fetchall()] == ["shared/temporary.csv"]
        assert cursor.execute("SELECT $1 FROM @shared").fetchall() == [("2",)]
        assert [row[0] for row in others.execute("LIST @shared").fetchall()] == ["shared/permanent.csv"]
        cursor.execute("CREATE TEMP STAGE own")
        with pytest.raises(DatabaseError, match="does not exist"):
            others.execute("LIST @own")
        with pytest.raises(DatabaseError, match="already exists"):
            cursor.execute("CREATE TEMPORARY STAGE own")
        shown = {row[1]: row[10] for row in cursor.execute("SHOW STAGES").fetchall()}
        assert shown == {"OWN": "INTERNAL TEMPORARY", "SHARED": "INTERNAL TEMPORARY"}
        assert [row[1] for row in others.execute("SHOW STAGES").fetchall()] == ["SHARED"]
        cursor.execute("ALTER STAGE own RENAME TO renamed")
        cursor.execute("ALTER STAGE renamed SET FILE_FORMAT = (TYPE = JSON)")
        cursor.execute("CREATE OR REPLACE TEMPORARY STAGE renamed")
        cursor.execute("DROP STAGE shared")
        assert [row[0] for row in cursor.execute("LIST @shared").fetchall()] == ["shared/permanent.csv"]
        cursor.execute("CREATE TEMPORARY STAGE shared")
        cursor.execute(f"PUT file://{tmp_path}/temporary.csv @shared AUTO_COMPRESS = FALSE")
        left = endpoint.data_dir / "temporary_stages"
        assert list(left.rglob("temporary.csv"))
    assert not list(left.rglob("*.csv"))
    with endpoint.connect() as connection:
        cursor = connection.cursor()
        assert [row[0] for row in cursor.execute("LIST @shared").fetchall()] == ["shared/permanent.csv"]
        with pytest.raises(DatabaseError, match="does not exist"):
            cursor.execute("LIST @renamed")


def test_a_temporary_file_format_hides_a_permanent_one(endpoint: RunningEndpoint) -> None:
    with endpoint.connect() as other, endpoint.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE FILE FORMAT hidden TYPE = CSV FIELD_DELIMITER = '|'")
        cursor.execute("CREATE TEMPORARY FILE FORMAT hidden TYPE = JSON")
        describe = "DESCRIBE FILE FORMAT hidden"
        assert cursor.execute(describe).fetchall()[0][2] == "JSON"
        assert other.cursor().execute(describe).fetchall()[0][2] == "CSV"
        cursor.execute("DROP FILE FORMAT hidden")
        assert cursor.execute(describe).fetchall()[0][2] == "CSV"


@pytest.mark.integration
def test_what_a_killed_endpoint_left_is_removed(tmp_path: Path) -> None:
    running = RunningEndpoint(tmp_path / "warehouse", tmp_path / "s3")
    left = running.data_dir / "temporary_stages" / "1" / "D" / "S" / "T"
    left.mkdir(parents=True)
    (left / "a.csv").write_text("1\n")
    running.start()
    running.stop()
    assert not left.exists()
