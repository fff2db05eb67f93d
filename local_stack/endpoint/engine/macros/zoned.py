"""Define what is done with a TIMESTAMP_TZ, an INTERVAL here (zoned.py), as macros that differ by the type of their argument.

A NULL without a type is taken for one.
"""

from __future__ import annotations

from typing import Final

from local_stack.endpoint.zoned import DAY, DAYS_OF_YEAR, ORIGIN_DAYS

_HOME: Final = "_fs_global.main."
_ORIGIN: Final = f"{ORIGIN_DAYS * 86_400_000_000}"
_X: Final = "CAST(x AS INTERVAL)"  # a NULL without a type stays one otherwise
_UTC: Final = f"make_timestamp(epoch_us({_X}) - {_ORIGIN})"
_MINUTES: Final = f"(year({_X}) - {DAY})"
WALL: Final = f"make_timestamp(epoch_us({_X}) - {_ORIGIN} + {_MINUTES} * 60000000)"
INSTANT: Final = f"timezone('UTC', {_UTC})"
SHOWN: Final = f"strftime({WALL}, '%Y-%m-%d %H:%M:%S.%g') || ' ' || {_HOME}_sf_offset_text({_MINUTES}, '')"
OFFSET: Final = f"{_HOME}_sf_offset_text({_MINUTES}, colon)"
MARKED_TEXT: Final = f"strftime({WALL}, '%Y-%m-%d %H:%M:%S.%f') || ' ' || {_HOME}_sf_offset_text({_MINUTES}, '')"
# The offset that a text ends with, in minutes; NULL where it has none.
_OF_TEXT: Final = r":\d\d(?:\.\d+)?\s*([+-])(\d\d?):?(\d\d)?\s*$"
_ZULU: Final = r":\d\d(?:\.\d+)?\s*[Zz]\s*$"
_LOCAL: Final = "current_setting('TimeZone')"

OFFSET_TEXT: Final = (
    "_sf_offset_text(m, colon) AS CASE WHEN m < 0 THEN '-' ELSE '+' END || lpad(CAST(abs(m) // 60 AS VARCHAR), 2, '0')"
    " || colon || lpad(CAST(abs(m) % 60 AS VARCHAR), 2, '0')"
)
MACROS: Final[tuple[str, ...]] = (
    f"_sf_text_offset(t) AS CASE WHEN regexp_matches(t, '{_ZULU}') THEN 0 WHEN regexp_matches(t, '{_OF_TEXT}')"
    f" THEN CAST(regexp_extract(t, '{_OF_TEXT}', 1) || '1' AS INTEGER) * (60 * CAST(regexp_extract(t, '{_OF_TEXT}', 2)"
    f" AS INTEGER) + coalesce(TRY_CAST(regexp_extract(t, '{_OF_TEXT}', 3) AS INTEGER), 0)) END",
    # The instant u, a TIMESTAMP in UTC, with an offset of m minutes.
    f"_sf_tz_at(u, m) AS to_years(CAST({DAY} + m AS INTEGER)) + (u - make_timestamp(-{_ORIGIN}))"
    f" - to_days(CAST({DAYS_OF_YEAR} * ({DAY} + m) AS INTEGER))",
    # The instant t, a TIMESTAMPTZ, with the offset of a time zone at that time.
    f"_sf_tz_in(zone, t) AS {_HOME}_sf_tz_at(timezone('UTC', t),"
    " date_diff('minute', timezone('UTC', t), timezone(zone, t)))",
    "_sf_with_nanoseconds(t, n) AS t + to_microseconds(CAST(n AS BIGINT) // 1000)",
    # The conversions to TIMESTAMP_TZ, and to what it is in UTC and by its own clock; other types stay as they are.
    f"_sf_tz_of_text(t, x) AS coalesce({_HOME}_sf_tz_at(timezone('UTC', t),"
    f" {_HOME}_sf_text_offset({_HOME}_sf_json_text(x))),"
    f" {_HOME}_sf_tz_in({_LOCAL}, t))",
    *(
        f"_sf_{prefix}tz(x) AS CASE WHEN typeof(x) IN ('VARCHAR', 'JSON')"
        f" THEN {_HOME}_sf_tz_of_text({_HOME}_sf_{prefix}zoned(x), x)"
        f" ELSE {_HOME}_sf_tz_in({_LOCAL}, {_HOME}_sf_{prefix}zoned(x)) END, (x INTERVAL) AS x"
        for prefix in ("", "try_")
    ),
    f"_sf_instant(x) AS x, (x INTERVAL) AS {INSTANT}",
    f"_sf_wall(x) AS x, (x INTERVAL) AS {WALL}",
    # A clock's time w with the offset of x.
    f"_sf_rezoned(w, x) AS w, (w, x INTERVAL) AS {_HOME}_sf_tz_at(CAST(w AS TIMESTAMP) - to_minutes({_MINUTES}), {_MINUTES})",
    f"_sf_convert_timezone(zone, x) AS {_HOME}_sf_tz_in(zone, {_HOME}_sf_zoned(x))",
    # x as it is compared with y, and as it is written in text and in JSON.
    f"_sf_aligned(x, y) AS x, (x INTERVAL, y) AS x, (x, y INTERVAL) AS {_HOME}_sf_tz(x), (x INTERVAL, y INTERVAL) AS x",
    f"_sf_written(x) AS x, (x INTERVAL) AS {SHOWN}",
    f"_sf_timezone_hour(x) AS date_part('timezone_hour', x), (x INTERVAL) AS CAST(trunc({_MINUTES} / 60) AS BIGINT)",
    f"_sf_timezone_minute(x) AS date_part('timezone_minute', x), (x INTERVAL) AS {_MINUTES} % 60",
)
