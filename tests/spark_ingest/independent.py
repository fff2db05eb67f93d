"""Sessions computed a second time, by DuckDB, from Parquet of the raw events; and what a warehouse would hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb

_HEX = "[0-9a-f]"
_UUID = f"({_HEX}{{8}}-({_HEX}{{4}}-){{3}}{_HEX}{{12}}|{_HEX}{{32}})"
_MACROS = rf"""
SET timezone = 'UTC';
CREATE MACRO canonical(x) AS CASE
    WHEN regexp_full_match(lower(x), '(urn:uuid:)?(\{{{_UUID}\}}|{_UUID})')
    THEN regexp_replace(
        regexp_replace(regexp_replace(lower(x), '^urn:uuid:', ''), '[{{}}-]', '', 'g'),
        '^(.{{8}})(.{{4}})(.{{4}})(.{{4}})(.{{12}})$', '\1-\2-\3-\4-\5')
    ELSE nullif(x, '') END;
CREATE MACRO amount(properties) AS CASE
    WHEN json_valid(properties)
        AND regexp_full_match(json_extract_string(properties, '$.amount'), '-?\d+(\.\d+)?([eE][+-]?\d+)?')
    -- DuckDB too reads a number with a point as a double, of which seventeen digits are left.
    THEN try_cast(coalesce(
        nullif(regexp_extract(properties, '"amount"\s*:\s*(-?\d+\.\d+)\s*[,}}]', 1), ''),
        json_extract_string(properties, '$.amount')) AS DECIMAL(20, 2)) END;
-- An exact quotient by sixty million, rounded half-up to four places; DuckDB would divide in floating point.
CREATE MACRO minutes(micros) AS ((micros * 10000 + 30000000) // 60000000)::DECIMAL(18, 4) / 10000;
"""
_SESSIONS = """
WITH typed AS (
    SELECT
        canonical(event_id) AS event_id, canonical(user_id) AS user_id, canonical(session_id) AS session_id,
        event_type, epoch_us("timestamp") AS us, device_type, browser, ip_address, nullif(user_tier, '') AS user_tier,
        CASE WHEN event_type = 'purchase' THEN amount(properties) END AS amount
    FROM raw_events
    WHERE nullif(session_id, '') IS NOT NULL AND "timestamp" IS NOT NULL
),
once AS (
    SELECT * FROM typed
    QUALIFY event_id IS NULL OR row_number() OVER (
        PARTITION BY event_id ORDER BY us, user_id NULLS FIRST, session_id, event_type NULLS FIRST,
        device_type NULLS FIRST, browser NULLS FIRST, ip_address NULLS FIRST, user_tier NULLS FIRST, amount NULLS FIRST
    ) = 1
),
kept AS (
    SELECT *, row_number() OVER (PARTITION BY session_id ORDER BY us, event_id NULLS LAST) AS place
    FROM once
    QUALIFY us <= min(us) OVER (PARTITION BY session_id) + {limit}
)
SELECT
    session_id,
    first(user_id ORDER BY place) FILTER (user_id IS NOT NULL) AS user_id,
    first(user_tier ORDER BY place) FILTER (user_tier IS NOT NULL) AS user_tier,
    min(us) AS session_start,
    max(us) AS session_end,
    minutes(max(us) - min(us))::DECIMAL(18, 4) AS session_duration_minutes,
    count(*) FILTER (event_type = 'page_view') AS page_views,
    count(*) FILTER (event_type = 'product_view') AS product_views,
    count(*) FILTER (event_type = 'search') AS searches,
    count(*) FILTER (event_type = 'add_to_cart') AS add_to_cart_events,
    count(*) FILTER (event_type = 'purchase') AS purchases,
    coalesce(sum(amount), 0)::DECIMAL(38, 2) AS total_spent,
    count(*) FILTER (event_type = 'purchase') AS items_purchased,
    max(device_type) FILTER (place = 1) AS device_type,
    max(browser) FILTER (place = 1) AS browser,
    count(*) FILTER (event_type = 'purchase') > 0 AS converted_to_purchase,
    min(us) FILTER (event_type = 'purchase') AS first_purchase_at,
    count(*) AS event_count,
    count(DISTINCT ip_address) AS distinct_ip_count
FROM kept
GROUP BY session_id
"""
_STAGED = """
    SELECT session_id, user_id, user_tier, epoch_us(session_start) AS session_start, epoch_us(session_end) AS session_end,
        session_duration_minutes, page_views, product_views, searches, add_to_cart_events, purchases, total_spent,
        items_purchased, device_type, browser, converted_to_purchase, epoch_us(first_purchase_at) AS first_purchase_at,
        event_count, distinct_ip_count
    FROM read_parquet({files})
"""

Sessions = dict[str, tuple[Any, ...]]


def independent_sessions(events: Path, limit_hours: int = 24) -> Sessions:
    """Sessions of a Parquet folder of events with the lake's columns, by session id."""
    with duckdb.connect() as connection:
        connection.execute(_MACROS)
        connection.execute(f"CREATE VIEW raw_events AS SELECT * FROM read_parquet('{events}/*.parquet')")
        return _by_id(connection.execute(_SESSIONS.format(limit=limit_hours * 3_600_000_000)).fetchall())


def staged_sessions(landing: Path, manifest: dict[str, Any]) -> Sessions:
    """The sessions that one batch delivers."""
    files = [str(landing / file["path"]) for file in manifest["datasets"]["user_sessions"]["files"]]
    if not files:
        return {}
    with duckdb.connect() as connection:
        return _by_id(connection.execute(_STAGED.format(files=files)).fetchall())


def final_sessions(landing: Path) -> Sessions:
    """What a warehouse holds after loading all batches in order, by the manifest's rules."""
    held: Sessions = {}
    for manifest in manifests(landing):
        new = staged_sessions(landing, manifest)
        if manifest["datasets"]["user_sessions"]["scope"] == "dates":
            dates = set(manifest["datasets"]["user_sessions"]["dates"])
            held = {key: row for key, row in held.items() if _date(row[3]) not in dates}
        limit = manifest["max_session_hours"] * 3_600_000_000
        for key, row in new.items():
            # An identifier that comes back after the maximum length is no part of the session (flag_sessions.sql).
            if key in held and row[3] - held[key][4] > limit:
                continue
            if row[17]:
                held[key] = row
            elif key in held and held[key][3] - row[4] <= limit:
                del held[key]  # all its events count elsewhere
    return held


def final_keys(landing: Path, lake: Path, dataset: str, time: str, key: str) -> list[tuple[str, str]]:
    """Date and key of the rows that a warehouse's staging holds of a dataset that passes through."""
    held: dict[str, str] = {}
    for manifest in manifests(landing):
        data = manifest["datasets"][dataset]
        root = lake if data["stage"] == "lake" else landing
        files = [str(root / file["path"]) for file in data["files"]]
        if data["scope"] == "dates":
            held = {name: day for name, day in held.items() if day not in data["dates"]}
        if files:
            with duckdb.connect() as connection:
                connection.execute("SET timezone = 'UTC'")
                # Files under one manifest may differ in columns (schema evolution), as COPY takes them one by one too.
                query = f'SELECT {key}, CAST("{time}" AS DATE)::VARCHAR FROM read_parquet({files}, union_by_name=true)'
                rows = connection.execute(query).fetchall()
            assert len(rows) == data["rows"]
            held |= {name: str(day) for name, day in rows}
    return sorted(((day, name) for name, day in held.items()), key=lambda pair: (pair[0], pair[1] or ""))


def manifests(landing: Path) -> list[dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in (landing / "_manifests").glob("*.json")]
    return sorted(found, key=lambda document: (document["published_at"], document["batch_id"]))


def _by_id(rows: list[tuple[Any, ...]]) -> Sessions:
    return {row[0]: row for row in rows}


def _date(micros: int) -> str:
    from datetime import UTC, datetime, timedelta

    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)).date().isoformat()
