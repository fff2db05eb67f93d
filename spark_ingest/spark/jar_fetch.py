"""Fetches Spark's jars with Spark's own resolver, so that mirrors configured for Spark count, and checks them by the lock."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from spark_ingest.errors import SetupError
from spark_ingest.spark.jars import Artifact, folders_in_place_of, jar_path, missing, remove_damaged
from spark_ingest.spark.java import for_file_names, java_home
from spark_ingest.spark.jvm_network import Bundle, bundles, proxies, proxy_options, trust_options, write_trust_store


def setup_jars(folder: Path, wanted: Sequence[Artifact]) -> str:
    """Check every jar by its SHA-256, fetch what is missing or damaged; the sentence says what was done.

    Raises SetupError when a jar cannot be fetched, or is not the locked one.
    """
    _refuse_folders(folder, wanted)
    damaged = remove_damaged(folder, wanted)
    told = "".join(f"{path} was damaged and is deleted. " for path in damaged)
    if not missing(folder, wanted):
        return f"{told}Spark's jars are in {folder}"
    ensure_jars(folder, wanted)
    return f"{told}Spark's jars were fetched into {folder}"


def ensure_jars(folder: Path, wanted: Sequence[Artifact]) -> list[Path]:
    """Return the jars' files; fetch the missing ones first, so that only the first start needs a network.

    Raises SetupError as `setup_jars` does.
    """
    if missing(folder, wanted):
        _refuse_folders(folder, wanted)
        try:
            with _alone(folder):
                still = missing(folder, wanted)  # another process may have fetched them meanwhile
                if still:
                    _fetch(folder, still)
        except OSError as error:
            raise SetupError(f"Spark's jars cannot be kept in {folder}: {error.strerror or error}") from error
    return [jar_path(folder, artifact) for artifact in wanted]


def _refuse_folders(folder: Path, wanted: Sequence[Artifact]) -> None:
    for path in folders_in_place_of(folder, wanted):
        raise SetupError(f"{path} is a folder where a jar belongs: remove it")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which the system releases when a process is killed."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(folder: Path, wanted: list[Artifact]) -> None:
    """Fetch into a folder beside the jars, check, then move each into its place at once."""
    scratch, log = folder / "fetching", folder / "fetch.log"
    shutil.rmtree(scratch, ignore_errors=True)  # what a killed run left
    scratch.mkdir()
    try:
        found, store = bundles(), scratch / "trust.p12"
        write_trust_store(store, found)
        said = _resolve(scratch, wanted, trust_options(store))
        if "PKIX" in said:  # a Java of the company's may know its CA when nothing else on the machine does
            said += _resolve(scratch, wanted, [])
        log.write_text(said, encoding="utf-8")
        for artifact in wanted:
            fetched = jar_path(scratch, artifact)
            if not fetched.is_file():
                raise SetupError(f"Spark's jars could not be fetched: {_cause(said, found)} (all of it: {log})")
            if not artifact.fits(fetched):
                raise SetupError(
                    f"{artifact.coordinates} was fetched from {_origin(said, artifact)} and deleted: its SHA-256 is not"
                    " the locked one, so it is another file than the one that this version was tested with"
                    f" (all of it: {log})"
                )
            jar_path(folder, artifact).parent.mkdir(exist_ok=True)
            fetched.replace(jar_path(folder, artifact))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _resolve(scratch: Path, wanted: list[Artifact], trust: list[str]) -> str:
    """Let spark-submit resolve the jars into the folder, and return what it said."""
    import pyspark

    options = [*trust, *proxy_options(proxies())]
    environment = {
        **os.environ,
        **for_file_names(),
        "JAVA_HOME": str(java_home()),
        # Not on the command line, where every user of the machine could read a proxy's password.
        "JDK_JAVA_OPTIONS": " ".join([os.environ.get("JDK_JAVA_OPTIONS", ""), *map(_quoted, options)]).strip(),
    }
    # A class that only prints its version: spark-submit resolves the packages before it runs it.
    command = [str(Path(pyspark.__file__).parent / "bin" / "spark-submit"), "--master", "local[1]"]
    command += ["--packages", ",".join(artifact.coordinates for artifact in wanted)]
    command += ["--conf", f"spark.jars.ivy={scratch}", "--class", "org.apache.spark.SparkEnv", "spark-internal"]
    with (scratch / "said").open("w+", encoding="utf-8", errors="replace") as output:
        # The pipe closes when this process ends, however it does, and at the end of the block.
        with subprocess.Popen(
            ending_with_pipe(command), env=environment, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT
        ) as process:
            _show_progress(process, scratch / "cache", sum(artifact.size for artifact in wanted))
        output.seek(0)
        # Java repeats the variable, and with it the proxy's password.
        return "".join(line for line in output if "JDK_JAVA_OPTIONS" not in line)


def ending_with_pipe(command: Sequence[str]) -> list[str]:
    """A command that is killed when the pipe that is its standard input closes, so that it does not outlive who holds that."""
    script = (
        'exec 3<&0; "$@" </dev/null 3<&- & fetching=$!; { read -r _ <&3; kill -9 $fetching; } & '
        "wait $fetching; ended=$?; kill $!; exit $ended"
    )
    return ["sh", "-c", script, "sh", *command]


def _quoted(option: str) -> str:
    """An option as JDK_JAVA_OPTIONS wants it. See https://docs.oracle.com/en/java/javase/17/docs/specs/man/java.html."""
    return '"' + option.replace('"', '"\'"\'"') + '"'


def _show_progress(process: subprocess.Popen[bytes], cache: Path, size: int) -> None:
    """Wait for the process. On a terminal a bar follows what has arrived; elsewhere a line says what is going on."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        console.print(
            f"Fetching Spark's jars ({f'{size / 1e6:.0f} MB' if size >= 1e6 else f'{size / 1e3:.0f} kB'}, once) …",
            highlight=False,
            soft_wrap=True,
        )
        process.wait()
        return
    columns = (TextColumn("Fetching Spark's jars (once)"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=size)
        while process.poll() is None:
            progress.update(task, completed=min(size, _arrived(cache)))
            time.sleep(0.2)
        progress.update(task, completed=min(size, _arrived(cache)))


def _arrived(cache: Path) -> int:
    """The bytes of whole and half jars in Ivy's cache."""
    sizes = 0
    for path in cache.rglob("*.jar*"):
        try:
            sizes += path.stat().st_size
        except FileNotFoundError:  # renamed between the listing and the question
            continue
    return sizes


def _origin(said: str, artifact: Artifact) -> str:
    """The repository in which Ivy found a jar."""
    name = f"{artifact.group}#{artifact.name};{artifact.version}"
    found = re.search(rf"found {re.escape(name)} in (\S+)", said)
    return f"the repository '{found.group(1)}'" if found else "a repository"


def _cause(said: str, found: list[Bundle]) -> str:
    """What went wrong and what to do, from what Ivy and Java said. Errors name the host; warnings list every place tried."""
    host = re.search(r"Server access error at url https?://([^/\s]+)", said)
    where = host.group(1) if host else "the repository"
    used = {scheme: re.sub(r"//[^@/]*@", "//", value) for scheme, value in proxies().items()}
    through = next((f" through the proxy {used[name]}" for name in ("https", "http", "all") if name in used), "")
    if "PKIX" in said or "SSLHandshakeException" in said or "CertificateException" in said:
        return (
            f"the certificate of {where} is signed by a CA that none of these holds:"
            f" {', '.join(map(str, found))}. Name the file with your company's CA: SSL_CERT_FILE=/path/to/ca.pem"
        )
    if "proxy requires authentication" in said:
        return f"the proxy wants a user and password{through}. Name them (those given, if any, it does not take): HTTPS_PROXY=http://user:password@host:port"
    if through and re.search(
        r"Unable to tunnel|Connection refused|ConnectException|UnknownHost|Host .* not found", said
    ):
        return f"no connection{through}. Check HTTPS_PROXY, and NO_PROXY for a mirror of your own"
    if re.search(r"UnknownHost|Host \S+ not found|NoRouteToHost|Network is unreachable|refused|timed out", said):
        return (
            "there is no connection to the repositories. The first set-up needs the network; behind a proxy set"
            " HTTPS_PROXY=http://host:port, for a mirror set spark.jars.ivySettings in $SPARK_CONF_DIR/spark-defaults.conf"
        )
    absent = re.search(r"module not found: (\S+)", said)
    if absent:
        tried = ", ".join(dict.fromkeys(re.findall(r"==== (\S+): tried", said)))
        return f"{absent.group(1)} is in none of the repositories ({tried}); a mirror has to carry it"
    lines = [line.strip() for line in said.splitlines() if re.search(r"error|exception", line, re.IGNORECASE)]
    return lines[0] if lines else "spark-submit ended without a reason"
