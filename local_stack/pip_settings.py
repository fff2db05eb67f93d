"""What pip is told on this machine, as the variables that uv reads: a company's index, CA and proxy count for both.

Runs before anything is installed, so it needs nothing but the standard library.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

# pip's key, uv's variable, other variables that say the same to uv, and how the value is written there.
# https://pip.pypa.io/en/stable/cli/pip_install/ and https://docs.astral.sh/uv/reference/environment/
_AS_IT_IS: Callable[[str], str] = str.strip
_LIST: Callable[[str], str] = lambda value: " ".join(value.split())  # noqa: E731
_COMMAS: Callable[[str], str] = lambda value: ",".join(value.split())  # noqa: E731
_NAMES = (
    ("index-url", "UV_DEFAULT_INDEX", ("UV_INDEX_URL",), _AS_IT_IS),
    ("extra-index-url", "UV_INDEX", ("UV_EXTRA_INDEX_URL",), _LIST),
    ("no-index", "UV_NO_INDEX", (), _AS_IT_IS),
    ("find-links", "UV_FIND_LINKS", (), _COMMAS),
    ("trusted-host", "UV_INSECURE_HOST", (), _LIST),
    ("cert", "SSL_CERT_FILE", (), _AS_IT_IS),
    ("client-cert", "SSL_CLIENT_CERT", (), _AS_IT_IS),
    ("proxy", "HTTPS_PROXY", ("https_proxy", "ALL_PROXY", "all_proxy"), _AS_IT_IS),
    ("proxy", "HTTP_PROXY", ("http_proxy", "ALL_PROXY", "all_proxy"), _AS_IT_IS),
    ("timeout", "UV_HTTP_TIMEOUT", (), _AS_IT_IS),
)


def for_uv(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables to add for uv. What the environment says to uv itself stands."""
    told = _settings(environment)
    # requests, on which pip stands, follows these two, and before pip's own setting; uv does not.
    bundle = environment.get("REQUESTS_CA_BUNDLE") or environment.get("CURL_CA_BUNDLE")
    if bundle:
        told["cert"] = bundle
    added = {}
    for key, name, others, written in _NAMES:
        if told.get(key) and not any(environment.get(known) for known in (name, *others)):
            added[name] = written(told[key])
    if "UV_INDEX" in added:
        # pip looks through all indexes for the locked version; uv by itself stays with the first that has the name.
        added["UV_INDEX_STRATEGY"] = environment.get("UV_INDEX_STRATEGY", "unsafe-best-match")
    if not any(environment.get(name) or added.get(name) for name in ("SSL_CERT_FILE", "UV_SYSTEM_CERTS")):
        added["UV_SYSTEM_CERTS"] = "true"  # as pip does: a company's CA is in the system's store
    return added


def _settings(environment: Mapping[str, str]) -> dict[str, str]:
    """pip's settings by key: its files, the later ones winning, then its variables."""
    told: dict[str, str] = {}
    for path in _files(environment):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):  # pip itself will name the file and what is wrong with it
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                told.update({key.replace("_", "-"): value for key, value in parser.items(section)})
    for name, value in environment.items():
        if name.startswith("PIP_") and value:
            told[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    return told


def _files(environment: Mapping[str, str]) -> Iterator[Path]:
    """pip's configuration files, the weakest first. See https://pip.pypa.io/en/stable/topics/configuration/."""
    named = environment.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    home = Path(environment.get("HOME", "/nonexistent"))
    own = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    everyone = [Path(folder) for folder in environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep) if folder]
    if sys.platform == "darwin":
        everyone = [Path("/Library/Application Support")]
        if (home / "Library" / "Application Support" / "pip").is_dir():
            own = home / "Library" / "Application Support"
    yield from (folder / "pip" / "pip.conf" for folder in everyone)
    yield Path("/etc/pip.conf")
    yield home / ".pip" / "pip.conf"
    yield own / "pip" / "pip.conf"
    yield Path(sys.prefix) / "pip.conf"
    if named:
        yield Path(named)
