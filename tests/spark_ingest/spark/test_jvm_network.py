"""Proxies and CA bundles as options of a JVM: the standard variables, translated."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from spark_ingest.spark.jvm_network import bundles, proxies, proxy_options, trust_options, write_trust_store
from tests.network import Authority

LOCAL = "localhost|127.*|[::1]"


@pytest.mark.parametrize(
    ("variables", "options"),
    [
        ({}, []),
        (
            {"https": "http://proxy.example:3128"},
            ["-Dhttps.proxyHost=proxy.example", "-Dhttps.proxyPort=3128", f"-Dhttp.nonProxyHosts={LOCAL}"],
        ),
        (
            {"http": "proxy.example:8080", "no": "corp.example, .b.example,*.c.example:443 10.0.0.0/8,192.0.2.7"},
            [
                "-Dhttp.proxyHost=proxy.example",
                "-Dhttp.proxyPort=8080",
                f"-Dhttp.nonProxyHosts={LOCAL}|corp.example|*.corp.example|b.example|*.b.example|c.example|*.c.example"
                "|10.*|192.0.2.7",
            ],
        ),
        ({"https": "http://proxy.example:3128", "no": "*"}, []),
        (
            {"all": "socks5h://proxy.example"},
            ["-DsocksProxyHost=proxy.example", "-DsocksProxyPort=1080", f"-Dhttp.nonProxyHosts={LOCAL}"],
        ),
        (
            {"https": "http://anna:p%40ss@proxy.example"},
            [
                "-Dhttps.proxyHost=proxy.example",
                "-Dhttps.proxyPort=80",
                "-Dhttp.proxyUser=anna",
                "-Dhttp.proxyPassword=p@ss",
                "-Djdk.http.auth.tunneling.disabledSchemes=",
                f"-Dhttp.nonProxyHosts={LOCAL}",
            ],
        ),
    ],
)
def test_proxies_become_options(variables: dict[str, str], options: list[str]) -> None:
    assert proxy_options(variables) == options


def test_proxies_come_from_the_environment_in_either_case(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://upper:1")
    monkeypatch.setenv("no_proxy", "lower.example")
    assert proxies() == {"https": "http://upper:1", "no": "lower.example"}


def test_the_trust_store_holds_every_certificate_once_and_survives_what_is_none(tmp_path: Path) -> None:
    first, second = Authority(tmp_path / "first"), Authority(tmp_path / "second")
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n")
    folders = f"{second.folder}:{tmp_path / 'nowhere'}"
    named = {"SSL_CERT_FILE": str(first.bundle), "PIP_CERT": str(first.bundle), "SSL_CERT_DIR": folders}
    found = bundles({**named, "CURL_CA_BUNDLE": str(broken), "REQUESTS_CA_BUNDLE": str(tmp_path / "missing.pem")})
    shown = [str(bundle) for bundle in found]
    assert shown[:3] == [
        f"SSL_CERT_FILE={first.bundle} (1)",
        f"REQUESTS_CA_BUNDLE={tmp_path / 'missing.pem'} (0)",
        f"CURL_CA_BUNDLE={broken} (1)",
    ]
    assert not any(source.startswith("PIP_CERT") for source in shown)  # the same file again
    assert any(source.startswith("certifi (") for source in shown)

    named_only = [bundle for bundle in found if "=" in bundle.source]
    write_trust_store(tmp_path / "trust.p12", named_only)
    stored = pkcs12.load_pkcs12((tmp_path / "trust.p12").read_bytes(), b"changeit")
    assert len(stored.additional_certs) == 2


def test_a_trust_store_of_the_users_own_stands(tmp_path: Path) -> None:
    assert trust_options(tmp_path / "ours", {"JAVA_TOOL_OPTIONS": "-Djavax.net.ssl.trustStore=/etc/theirs"}) == []
    assert f"-Djavax.net.ssl.trustStore={tmp_path / 'ours'}" in trust_options(tmp_path / "ours", {})
