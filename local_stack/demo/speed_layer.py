"""The embedded ClickHouse as the demo's speed layer. Run as a module, in a process of its own: chdb holds one engine each.

python -m local_stack.demo.speed_layer --url chdb:///path --seed 1 --sessions-per-day 300
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import astuple, fields

import clickhouse_connect

from local_stack.demo.speed_flaws import plant
from local_stack.demo.week import SpeedRow, generate
from local_stack.layout import SPEED_TABLE

_CREATE = f"""
CREATE TABLE IF NOT EXISTS {SPEED_TABLE} (
    session_id UUID,
    user_id Nullable(String),
    user_tier Nullable(String),
    session_start DateTime64(6, 'UTC'),
    session_end DateTime64(6, 'UTC'),
    page_views UInt32,
    product_views UInt32,
    searches UInt32,
    add_to_cart_events UInt32,
    purchases UInt32,
    total_spent Decimal(18, 2)
) ENGINE = MergeTree ORDER BY session_start
"""


def fill(url: str, rows: Sequence[SpeedRow]) -> None:
    """Replace the table's rows by these. Repeated, it leaves the same rows."""
    client = clickhouse_connect.get_client(dsn=url)
    try:
        client.command(_CREATE)
        client.command(f"TRUNCATE TABLE {SPEED_TABLE}")
        client.insert(SPEED_TABLE, [astuple(row) for row in rows], [field.name for field in fields(SpeedRow)])
    finally:
        client.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--sessions-per-day", type=int, required=True)
    options = parser.parse_args()
    rows, flaws = plant(generate(options.seed, options.sessions_per_day).speed)
    fill(options.url, rows)
    print(f"{len(rows)} rows, {len(flaws)} flaws planted")


if __name__ == "__main__":
    main()
