"""Decide who may log in: service users by key or token, others by the password that they have, all within their network policy.

See: https://docs.snowflake.com/en/user-guide/key-pair-auth, network-policies; sql-reference/sql/create-user (types of users)
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import ipaddress
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from local_stack.endpoint.engine.catalog import Catalog
from local_stack.endpoint.statements import SqlError

ACCESS_TOKEN = "PROGRAMMATIC ACCESS TOKEN"  # noqa: S105, a kind of object
KEYS = ("RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2")
_BY_KEY = "SNOWFLAKE_JWT"
_ALGORITHMS = ["RS256", "ES256", "ES384", "ES512"]
_LEAST_BITS = 2048


@dataclass(frozen=True)
class Credentials:
    """Hold what a client sends at log-in. address: where it comes from."""

    authenticator: str = ""
    password: str = ""
    token: str = ""
    address: str = "127.0.0.1"


def require_log_in(catalog: Catalog, user: str, given: Credentials) -> None:
    """Raise SqlError where a user may not log in so. Whoever has not been created by CREATE USER may, without a key."""
    stored = catalog.get("USER", "", "", user)
    properties: Mapping[str, Any] = stored.definition["properties"] if stored else {}
    if properties.get("DISABLED"):
        raise SqlError("User access disabled. Contact your local system administrator.", 390101, "08001")
    if policy := properties.get("NETWORK_POLICY"):
        _require_address(catalog, policy, given.address)
    if given.authenticator.upper() == _BY_KEY:
        _require_signature(user, given.token, [properties[name] for name in KEYS if properties.get(name)])
    elif _is_access_token(catalog, user, given.token or given.password):
        return
    elif properties.get("TYPE") == "SERVICE" or properties.get("PASSWORD", given.password) != given.password:
        raise SqlError("Incorrect username or password was specified.", 390100, "08001")


def fingerprint(key: str) -> str:
    """Return a public key's fingerprint, as DESCRIBE USER shows it and as a token's issuer names it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(_der(key)).digest()).decode()


def require_public_key(key: str) -> None:
    """Raise SqlError for text that is no public key, without its first and last line, of at least 2048 bits."""
    try:
        found = load_der_public_key(_der(key))
    except (ValueError, UnsupportedAlgorithm):
        found = None
    if isinstance(found, EllipticCurvePublicKey) or (isinstance(found, RSAPublicKey) and found.key_size >= _LEAST_BITS):
        return
    raise SqlError("New public key rejected by current policy. Reason: 'Invalid public key'", 390209, "22023")


def _der(key: str) -> bytes:
    """Decode a key's text, over as many lines as it may have. Raises ValueError for what is no base64."""
    return base64.b64decode("".join(key.split()), validate=True)


def digest(secret: str) -> str:
    """Return what is kept of a programmatic access token's secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _is_access_token(catalog: Catalog, user: str, given: str) -> bool:
    """Return whether this is the secret of a programmatic access token of the user that is in force."""
    return any(
        token.definition.get("secret") == digest(given)
        and not token.definition["properties"].get("DISABLED")
        and dt.datetime.fromisoformat(token.definition["expires_at"]) > dt.datetime.now(dt.UTC)
        for token in catalog.objects(ACCESS_TOKEN, "", user)
    )


def _require_signature(user: str, token: str, keys: list[str]) -> None:
    """Raise SqlError 390144 where a token is not signed by one of a user's keys, or is another user's or too old."""
    for key in keys:
        try:
            public = load_der_public_key(_der(key))
            claims = jwt.decode(token, public, algorithms=_ALGORITHMS)  # type: ignore[arg-type]
        except jwt.InvalidTokenError:
            continue
        named = str(claims.get("sub", "")).partition(".")[2]
        if named == user and str(claims.get("iss", "")) == f"{claims['sub']}.{fingerprint(key)}":
            return
    raise SqlError(f"JWT token is invalid. [{uuid.uuid4()}]", 390144, "08001")


def _require_address(catalog: Catalog, policy: str, address: str) -> None:
    """Raise SqlError 390422 where a network policy does not allow an address; what it blocks comes first."""
    stored = catalog.get("NETWORK POLICY", "", "", policy)
    properties: Mapping[str, Any] = stored.definition["properties"] if stored else {}
    allowed = _addresses(catalog, properties, "ALLOWED")
    if _within(address, _addresses(catalog, properties, "BLOCKED")) or (allowed and not _within(address, allowed)):
        raise SqlError(
            f"Incoming request with IP/Token {address} is not allowed to access Snowflake. Contact your account administrator.",
            390422,
            "08001",
        )


def _addresses(catalog: Catalog, properties: Mapping[str, Any], word: str) -> list[str]:
    found = [str(one) for one in properties.get(f"{word}_IP_LIST") or ()]
    for name in properties.get(f"{word}_NETWORK_RULE_LIST") or ():
        rule = catalog.get("NETWORK RULE", *str(name).split(".", 2))
        if rule is not None and rule.definition["properties"]["TYPE"] == "IPV4":
            found += rule.definition["properties"]["VALUE_LIST"]
    return found


def _within(address: str, networks: list[str]) -> bool:
    here = ipaddress.ip_address(address)
    return any(here in ipaddress.ip_network(one, strict=False) for one in networks)
