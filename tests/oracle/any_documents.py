"""Documents as producers may write them, JSON and what is nearly JSON: what the readers of amounts are held against."""

from __future__ import annotations

import json

from hypothesis import strategies as st

_TEXTS = st.text(st.sampled_from('amount :,.[]{}"\\\n\t1e5-+é\U0001f6d2'), max_size=6)
_WORDS = ["true", "false", "null", "tru", "''", "'5'", "undefined", "-Infinity"]
_ENDS = st.sampled_from(["", "", "", ","])
_NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.decimals(-(10**9), 10**9, allow_nan=False, places=3).map(str),
    st.sampled_from(["0", "-0", "01", "1.", ".5", "1e5", "1E-3", "1e400", "+1", "NaN", "12345678901234567.895"]),
)
_SCALARS = st.one_of(_NUMBERS, _TEXTS.map(json.dumps), st.sampled_from(_WORDS))
_KEYS = st.one_of(st.sampled_from(['"amount"', '"a"', '"am\\u006funt"', "amount", '"amount "']), _TEXTS.map(json.dumps))
_SPACES = st.sampled_from(["", "", " ", "\n ", "\t", "\x0b"])


def _members(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.tuples(_KEYS, _SPACES, values, _SPACES).map(lambda parts: f"{parts[0]}{parts[1]}:{parts[3]}{parts[2]}")
    return st.tuples(st.lists(member, max_size=3), _SPACES, _ENDS).map(
        lambda parts: f"{{{(parts[1] + ',').join(parts[0])}{parts[2] if parts[0] else ''}}}"
    )


def _lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(st.lists(values, max_size=3), _ENDS).map(lambda parts: f"[{','.join(parts[0])}{parts[1]}]")


_VALUES = st.recursive(_SCALARS, lambda inner: st.one_of(_members(inner), _lists(inner)), max_leaves=6)
DOCUMENTS = st.one_of(
    _NUMBERS.map(lambda text: f'{{"amount": {text}}}'),
    st.tuples(_NUMBERS, _KEYS, _VALUES).map(lambda parts: f'{{"amount": {parts[0]}, {parts[1]}: {parts[2]}}}'),
    _members(_VALUES),
    st.tuples(_members(_VALUES), st.integers(0, 20)).map(lambda cut: cut[0][: -cut[1]] if cut[1] else cut[0] + "}"),
)
