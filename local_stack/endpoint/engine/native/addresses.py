"""Read URLs and IP addresses as PARSE_URL and PARSE_IP do.

See: https://docs.snowflake.com/en/sql-reference/functions/parse_url and …/parse_ip
"""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any, Final

from local_stack.endpoint.errors import carried

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)
_PORT: Final = re.compile(r"(.*):(\d+)", re.DOTALL)
_GROUP: Final = 0xFFFFFFFF
_KINDS: Final = ("inet", "cidr")


def parse_url(text: str, permissive: int) -> str:
    """Return the parts of a URL as a JSON object; what is not one fails, or is an object with the error."""
    match = _URL.fullmatch(text)
    if match is None:
        return _fault("Error parsing URL: scheme not specified", "scheme not specified", permissive)
    scheme, host, path, query, fragment = match.groups()
    with_port = _PORT.fullmatch(host) if host is not None else None
    pairs = [part.partition("=") for part in query.split("&")] if query is not None else None
    parts = {
        "fragment": fragment,
        "host": with_port[1] if with_port else host,
        "parameters": {key: value if equals else None for key, equals, value in pairs} if pairs else None,
        "path": path.removeprefix("/") if host is not None else path,
        "port": with_port[2] if with_port else None,
        "query": query,
        "scheme": scheme.lower(),
    }
    return json.dumps(parts, ensure_ascii=False)


def parse_ip(text: str, kind: str, permissive: int) -> str:
    """Return what an address is, and its network where a prefix follows it, as a JSON object."""
    try:
        interface = ipaddress.ip_interface(text.strip())
        if kind.lower() not in _KINDS:
            raise ValueError(kind)
    except ValueError:
        return _fault(f"Error parsing IP address: {text}", f"invalid {kind.lower()} address", permissive)
    address, network = interface.ip, interface.network
    number, bits = int(address), address.max_prefixlen
    fields = [number >> shift & _GROUP for shift in range(bits - 32, -1, -32)]
    parts: dict[str, Any] = {
        "family": address.version,
        "host": text.strip().partition("/")[0],
        "ip_fields": [*fields, *[0] * (4 - len(fields))],
        "ip_type": kind.lower(),
        "snowflake$type": "ip_address",
    }
    bounds = {"range_start": int(network.network_address), "range_end": int(network.broadcast_address)}
    if "/" not in text:
        bounds = {}
    else:
        parts["netmask_prefix_length"] = network.prefixlen
    if address.version == 4:
        parts |= {"ipv4": number, **{f"ipv4_{name}": value for name, value in bounds.items()}}
    else:
        parts |= {
            "hex_ipv6": f"{number:032X}",
            **{f"hex_ipv6_{name}": f"{value:032X}" for name, value in bounds.items()},
        }
    return json.dumps(dict(sorted(parts.items())))


def _fault(message: str, shown: str, permissive: int) -> str:
    if permissive:
        return json.dumps({"error": shown})
    raise ValueError(carried(message, 100139, "22000"))
