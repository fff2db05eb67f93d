"""What Java is started with."""

from __future__ import annotations

import os
import subprocess

import pytest

from spark_ingest.spark.java import for_file_names, java_home


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {"LC_ALL": "C.UTF-8"}])
def test_files_have_names_in_any_letters_whatever_the_locale_is(locale: dict[str, str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("LANG", "LC_CTYPE")} | locale
    shown = subprocess.run(
        [str(java_home() / "bin" / "java"), "-XshowSettings:properties", "-version"],
        env=environment | for_file_names(environment),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "sun.jnu.encoding = UTF-8" in shown.stderr + shown.stdout
