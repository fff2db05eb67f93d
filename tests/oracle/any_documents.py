"""Documents as producers may write them, JSON and what is nearly JSON: what every reader of amounts is held against."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

# Documents and the amount of each, None where there is none: docs/metrics.md, Amount.
AMOUNTS: dict[str, str | None] = {
    '{"amount": 12.345}': "12.35",
    '{"amount": "12.344"}': "12.34",
    '{"amount": -0.005}': "-0.01",
    '{"amount": 1.5e3}': "1500.00",
    '{"amount": 0}': "0.00",
    '{"other": 1, "amount": 7}': "7.00",
    '{"amount": "1,234.50"}': None,
    '{"amount": "1,5"}': None,
    '{"amount": "twelve"}': None,
    '{"amount": "NaN"}': None,
    '{"amount": NaN}': None,
    '{"amount": 1e400}': None,
    '{"amount": 1e18}': None,
    '{"amount": 999999999999999999.99}': "999999999999999999.99",
    '{"amount": "999999999999999999.99"}': "999999999999999999.99",
    '{"amount": "999999999999999999.995"}': None,
    '{"amount": "Infinity"}': None,
    '{"amount": {"value": 5}}': None,
    '{"nested": {"amount": 5}}': None,
    '{"amount": [5]}': None,
    '{"amount": ""}': None,
    '{"amount": " 5 "}': None,
    '{"amount": null}': None,
    '{"amount": true}': None,
    '{"amount": 5': None,
    "{'amount': 5}": None,
    '{"amount": 5} and more': None,
    ' {"amount": 5}\n': "5.00",
    '{"a": {"b": [1, {"amount": 9}]}, "amount": "3.10", "z": [], "y": {}, "x": [[], {}]}': "3.10",
    '{"a": [{"b": [1, 2]}], "amount": 3}': "3.00",
    '{"a": [1, {"b": {"c": {"d": [1]}}}], "amount": 3}': "3.00",
    '{"note": "said \\"amount\\": 9", "amount": 3}': "3.00",
    '{"note": "\U0001f6d2 \u00e4", "amount": 3.5}': "3.50",
    '{"amount": 3, "amount": 4}': "4.00",
    '{"amount": 3, "amount": "x"}': None,
    '{"amount": 3, "amount": null}': None,
    '{"amount": "x", "amount": 12345678901234567.895}': "12345678901234567.90",
    '{"amount": 12345678901234567.895, "amount": "1' + "0" * 40 + '"}': None,
    '{"amount": NaN, "amount": 5}': None,
    '{"amount": "007.10"}': "7.10",
    '{"amount": "1E-2"}': "0.01",
    '{"amount": "+5"}': None,
    '{"amount": ".5"}': None,
    '{"amount": "5."}': None,
    '{"amount": "1_000"}': None,
    '{"amount": "\u0663"}': None,
    '{"amount": 3,}': None,
    '{"a": [1,], "amount": 3}': None,
    '{,"amount": 3}': None,
    '{"amount": 007}': None,
    '{"amount": 3 "a": 1}': None,
    '{"amount": .5}': None,
    '{"amount": +5}': None,
    '{"amount": 12345678901234567.895}': "12345678901234567.90",
    '{"amount": "1e-999999999"}': None,
    "{amount: 5}": None,
    '{"amount": 5, "rebate": NaN}': None,
    '{"amount": 5, "a": undefined}': None,
    '{"amount": 5, "a": [1,,2]}': None,
    '{"amount": 5, true: 1}': None,
    '{"amount": 5, "a": "line\nend"}': None,
    '{"amount": 5, "a": "\\x"}': None,
    '{"amount": 5, "a": 07}': None,
    '{"amount": 5, "a": "it\'s, \\"NaN\\", {x: ,}"}': "5.00",
    '{"amount": 5, "a": [[], {}, "", -0.5E+3, [{"b": null}]], "\\u00e4\\\\": "\\/"}': "5.00",
    '{"amount": 5}}': None,
    '{"am\\u006funt": 5}}': None,
    '{"a": 1}, "amount": 5}': None,
    '{"amount": 5}, {"amount": 6}': None,
    '{"amount": 5} {"amount": 6}': None,
    '{"amount": 5, "amount": [1,]}': None,
    '{"amount": 5, "amount": {"a": NaN}}': None,
    '{"amount": 5, "amount": 999999999999999999.99}': "999999999999999999.99",
    '{"amount": 5, "amount": 1.00499999999999999}': "1.00",
    "{}": None,
    "5": None,
    "[5]": None,
    "amount=5": None,
    "": None,
}

_LETTERS = 'amount :,.[]{}"\\\n\t1e5-+\u00e9\U0001f6d2'
_ODD_NUMBERS = ("0", "-0", "01", "1.", ".5", "1e5", "1E-3", "1e400", "+1", "NaN", "12345678901234567.895")
_WORDS = ("true", "false", "null", "tru", "''", "'5'", "undefined", "-Infinity")
_KEYS = ('"amount"', '"amount"', '"a"', '"am\\u006funt"', "amount", '"amount "')
_SPACES = ("", "", "", " ", "\n ", "\t", "\x0b")
_ENDS = ("", "", "", "", "", "", ",")


def documents(count: int) -> list[str]:
    """Those of AMOUNTS, and so many random ones, always the same and no two alike."""
    rng = random.Random("documents")
    found = dict.fromkeys(AMOUNTS)
    while len(found) < len(AMOUNTS) + count:
        found[rng.choice(_KINDS)(rng)] = None
    return list(found)


def _number(rng: random.Random) -> str:
    return rng.choice(
        (
            f"{rng.randint(-(10**6), 10**6)}",
            f"{rng.randint(-(10**12), 10**12) / 1000:.3f}",
            rng.choice(_ODD_NUMBERS),
        )
    )


def _text(rng: random.Random) -> str:
    return json.dumps("".join(rng.choices(_LETTERS, k=rng.randrange(7))))


def _value(rng: random.Random, depth: int = 3) -> str:
    """A scalar twice as often as a list or an object, which are not nested deeper than so."""
    of_kinds: list[Callable[[random.Random], str]] = [_number, _text, lambda rng: rng.choice(_WORDS), _number]
    if depth:
        of_kinds += [lambda rng: _list(rng, depth - 1), lambda rng: _object(rng, depth - 1)]
    return rng.choice(of_kinds)(rng)


def _list(rng: random.Random, depth: int) -> str:
    items = [_value(rng, depth) for _ in range(rng.randrange(4))]
    return f"[{','.join(items)}{rng.choice(_ENDS)}]"


def _object(rng: random.Random, depth: int = 3) -> str:
    members = []
    for _ in range(rng.randrange(4)):
        key = rng.choice((*_KEYS, _text(rng)))
        members.append(f"{key}{rng.choice(_SPACES)}:{rng.choice(_SPACES)}{_value(rng, depth)}")
    return f"{{{(rng.choice(_SPACES) + ',').join(members)}{rng.choice(_ENDS) if members else ''}}}"


def _cut(rng: random.Random) -> str:
    whole = _object(rng)
    return whole[: -rng.randrange(1, 20)] if rng.random() < 0.5 else whole + "}"


_KINDS: tuple[Callable[[random.Random], str], ...] = (
    lambda rng: f'{{"amount": {_number(rng)}}}',
    lambda rng: f'{{"amount": {_number(rng)}, {rng.choice(_KEYS)}: {_value(rng)}}}',
    _object,
    _cut,
)
