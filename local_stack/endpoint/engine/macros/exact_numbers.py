"""Define DuckDB macros that choose by the types of their operands: exact division, sums that stay decimal; see numbers.py.

Decimals are divided as integers: both at scale 12, in HUGEINT, six digits at a time, so that a large dividend's remainder
still fits; rounded half away from zero. Values are bound once, by a lambda over a list of one, so that nested quotients do
not multiply the text of the plan.
"""

from __future__ import annotations

from local_stack.endpoint.engine.macros.failing import failing
from local_stack.endpoint.engine.macros.home import HOME
from local_stack.endpoint.errors import carried

DIVIDE = f"{HOME}_sf_divide"
NUMBER = f"{HOME}_sf_number"
SCALED = f"{HOME}_sf_scaled_"
_SCALES = (3, 6, 12)
REMAINDER = f"{HOME}_sf_remainder"
POSITION = f"{HOME}_sf_position"
FLOOR, CEILING = f"{HOME}_sf_floor", f"{HOME}_sf_ceiling"
CUT, SKEW = f"{HOME}_sf_cut", f"{HOME}_sf_skew"
ADD, SUBTRACT = f"{HOME}_sf_add", f"{HOME}_sf_subtract"
LATER, EARLIER = f"{HOME}_sf_later", f"{HOME}_sf_earlier"
FLOOR_TO, CEILING_TO = f"{HOME}_sf_floor_to", f"{HOME}_sf_ceiling_to"

_NO_NUMBERS = carried("Invalid argument types for function ''SUM'': (BOOLEAN)", 1044, "42P13")

SQL = f"""
CREATE OR REPLACE MACRO {NUMBER}
    (x, w VARCHAR) AS CAST(nullif(trim(x, '"'), 'null') AS DOUBLE),
    (x, w BOOLEAN) AS CASE typeof(x) WHEN 'BOOLEAN' THEN {failing(f"'{_NO_NUMBERS}'", "DOUBLE")} END,
    (x, w) AS x;
CREATE OR REPLACE MACRO {HOME}_sf_half_away(n, d) AS
    CASE WHEN d = 0 THEN {failing("'Division by zero'", "HUGEINT")}
    ELSE (2 * n + CASE WHEN (n < 0) = (d < 0) THEN d ELSE -d END) // (2 * d) END;
CREATE OR REPLACE MACRO {HOME}_sf_integer_quotient(a, b) AS
    list_extract(list_transform(
        [{{'n': a::HUGEINT * 1000000, 'd': b::HUGEINT}}],
        lambda q: CASE WHEN q.n IS NOT NULL THEN {HOME}_sf_half_away(q.n, q.d) END
    ), 1)::DECIMAL(38, 0) * 0.000001::DECIMAL(6, 6);
CREATE OR REPLACE MACRO {HOME}_sf_long_quotient(n, d, s) AS
    (n // d) * pow(10, s)::HUGEINT
    + (n % d * 1000000 // d) * pow(10, s - 6)::HUGEINT
    + {HOME}_sf_half_away(n % d * 1000000 % d * pow(10, s - 6)::HUGEINT, d);
CREATE OR REPLACE MACRO {HOME}_sf_decimal_quotient(a, b, kind) AS
    list_extract(list_transform(
        [{{
            'n': replace((a::DECIMAL(38, 12))::VARCHAR, '.', '')::HUGEINT,
            'd': replace((b::DECIMAL(38, 12))::VARCHAR, '.', '')::HUGEINT,
            's': coalesce(TRY_CAST(regexp_extract(kind, '^DECIMAL\\(\\d+,(\\d+)\\)$', 1) AS INTEGER), 0)
        }}],
        lambda q: CASE WHEN q.n IS NOT NULL THEN
            CASE WHEN q.d = 0 THEN {failing("'Division by zero'", "HUGEINT")}
            ELSE {HOME}_sf_long_quotient(q.n, q.d, least(q.s + 6, 12)) END
            * pow(10, 12 - least(q.s + 6, 12))::HUGEINT
        END
    ), 1)::DECIMAL(38, 0) * 0.000000000001::DECIMAL(12, 12);
CREATE OR REPLACE MACRO {HOME}_sf_float_quotient(a, b) AS
    list_extract(list_transform(
        [{{'n': a::DOUBLE, 'd': b::DOUBLE}}],
        lambda q: CASE WHEN q.n IS NULL THEN NULL WHEN q.d = 0 THEN {failing("'Division by zero'", "DOUBLE")} ELSE q.n / q.d END
    ), 1);
CREATE OR REPLACE MACRO {REMAINDER}
    (a, b, wa HUGEINT, wb DECIMAL(38, 12)) AS a::BIGINT % b,
    (a, b, wa DECIMAL(38, 12), wb HUGEINT) AS a % b::BIGINT,
    (a, b, wa HUGEINT, wb HUGEINT) AS a % b,
    (a, b, wa, wb) AS a % b;
CREATE OR REPLACE MACRO {POSITION} (k HUGEINT) AS k::BIGINT, (k DECIMAL(38, 12)) AS k::BIGINT, (k) AS k;
CREATE OR REPLACE MACRO {FLOOR} (x, w HUGEINT) AS x, (x, w) AS floor(x);
CREATE OR REPLACE MACRO {CEILING} (x, w HUGEINT) AS x, (x, w) AS ceil(x);
CREATE OR REPLACE MACRO {LATER} (a, b, w DATE) AS CAST(a + b AS DATE), (a, b, w) AS a + b;
CREATE OR REPLACE MACRO {EARLIER} (a, b, w DATE) AS CAST(a - b AS DATE), (a, b, w) AS a - b;
CREATE OR REPLACE MACRO {FLOOR_TO}
    (x, step, digits, w HUGEINT) AS CAST(x - ((x % step) + step) % step AS HUGEINT),
    (x, step, digits, w DECIMAL(38, 12)) AS round(x - ((x % step) + step) % step, digits),
    (x, step, digits, w) AS floor(x * pow(10, digits)) / pow(10, digits);
CREATE OR REPLACE MACRO {CEILING_TO}
    (x, step, digits, w HUGEINT) AS CAST(x + ((-x % step) + step) % step AS HUGEINT),
    (x, step, digits, w DECIMAL(38, 12)) AS round(x + ((-x % step) + step) % step, digits),
    (x, step, digits, w) AS ceil(x * pow(10, digits)) / pow(10, digits);
CREATE OR REPLACE MACRO {CUT}
    (x, w HUGEINT) AS CAST(trunc(x * 1000) AS DECIMAL(38, 0)) * 0.001::DECIMAL(3, 3),
    (x, w) AS x;
CREATE OR REPLACE MACRO {SKEW}(s, n) AS CASE WHEN n > 2 THEN
    s * round(n / ((n - 1.0) * (n - 2.0)), 6) / (n / ((n - 1.0) * (n - 2.0))) END;
CREATE OR REPLACE MACRO {ADD}
    (a, b, wa DATE, wb HUGEINT) AS a + b::INTEGER,
    (a, b, wa DATE, wb DECIMAL(38, 12)) AS a + b::INTEGER,
    (a, b, wa HUGEINT, wb DATE) AS a::INTEGER + b,
    (a, b, wa DECIMAL(38, 12), wb DATE) AS a::INTEGER + b,
    (a, b, wa, wb) AS a + b;
CREATE OR REPLACE MACRO {SUBTRACT}
    (a, b, wa DATE, wb HUGEINT) AS a - b::INTEGER,
    (a, b, wa DATE, wb DECIMAL(38, 12)) AS a - b::INTEGER,
    (a, b, wa, wb) AS a - b;
CREATE OR REPLACE MACRO {DIVIDE}
    (a, b, wa HUGEINT, wb HUGEINT) AS {HOME}_sf_integer_quotient(a, b),
    (a, b, wa DECIMAL(38, 12), wb DECIMAL(38, 12)) AS {HOME}_sf_decimal_quotient(a, b, typeof(a)),
    (a, b, wa DECIMAL(38, 12), wb HUGEINT) AS {HOME}_sf_decimal_quotient(a, b, typeof(a)),
    (a, b, wa HUGEINT, wb DECIMAL(38, 12)) AS {HOME}_sf_decimal_quotient(a, b, typeof(a)),
    (a, b, wa DOUBLE, wb DOUBLE) AS {HOME}_sf_float_quotient(a, b),
    (a, b, wa VARCHAR, wb VARCHAR) AS {HOME}_sf_float_quotient(a, b),
    (a, b, wa VARCHAR, wb DOUBLE) AS {HOME}_sf_float_quotient(a, b),
    (a, b, wa DOUBLE, wb VARCHAR) AS {HOME}_sf_float_quotient(a, b);
""" + "".join(
    f"""
CREATE OR REPLACE MACRO {SCALED}{scale}
    (x, w HUGEINT) AS CAST(round(x, {scale}) AS DECIMAL(38, {scale})),
    (x, w DECIMAL(38, 12)) AS CAST(round(x, 12) AS DECIMAL(38, 12)),
    (x, w DOUBLE) AS x,
    (x, w VARCHAR) AS x;
"""
    for scale in _SCALES
)
