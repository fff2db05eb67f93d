"""The definitions of docs/metrics.md in SQL for DuckDB, one step a word of that page; sessions by docs/lake.md.

Written from those pages alone. Whoever mends this reads them, never the models: where both were written from one another
they would agree on what is wrong. Times are microseconds since 1970 in UTC (`us`); quotients are left to the caller, as a
numerator `x` and a denominator `x__per`.

Inputs: `delivered_events` and `delivered_transactions` (a lake's columns and the number of the `delivery`), `documents`
(what properties say, by their text).
"""

from __future__ import annotations

_HEX = "[0-9a-f]"
_UUID = f"({_HEX}{{8}}-({_HEX}{{4}}-){{3}}{_HEX}{{12}}|{_HEX}{{32}})"
_MINUTE = 60_000_000

MACROS = rf"""
SET timezone = 'UTC';
CREATE MACRO canonical(x) AS CASE
    WHEN regexp_full_match(lower(x), '(urn:uuid:)?(\{{{_UUID}\}}|{_UUID})')
    THEN regexp_replace(
        regexp_replace(replace(lower(x), 'urn:uuid:', ''), '[{{}}-]', '', 'g'),
        '^(.{{8}})(.{{4}})(.{{4}})(.{{4}})(.{{12}})$', '\1-\2-\3-\4-\5')
    ELSE nullif(x, '') END;
CREATE MACRO utc_date(us) AS make_timestamp(us)::DATE;
CREATE MACRO plausible(us) AS
    us >= epoch_us(TIMESTAMP '1990-01-01') AND us < epoch_us(TIMESTAMP '2100-01-01');
CREATE MACRO names_a_robot(browser) AS
    coalesce(regexp_matches(browser, '(bot|crawler|spider|headless)', 'i'), false);
CREATE MACRO names_a_test_user(user_id) AS coalesce(user_id ILIKE 'test%', false);
"""

# Name -> SELECT, in the order in which they need each other. {…}: see compute.Options.
STEPS = {
    # Each event once: the earliest copy that sessions are made of. One without an id counts by itself.
    "events": """
        SELECT
            canonical(event_id) AS event_id, canonical(session_id) AS session_id, canonical(user_id) AS user_id,
            event_type, epoch_us("timestamp") AS us, utc_date(epoch_us("timestamp")) AS date, browser,
            nullif(product_id, '') AS product_id, canonical(transaction_id) AS transaction_id,
            nullif(user_tier, '') AS user_tier, search_query, page_url,
            documents.amount, documents.quantity, names_a_test_user(user_id) OR documents.is_test AS is_test,
            coalesce(event_id, '') <> '' AND coalesce(event_type, '') <> '' AND coalesce(plausible(us), false) AS is_valid
        FROM delivered_events
        JOIN documents USING (properties)
        QUALIFY canonical(event_id) IS NULL
            OR row_number() OVER (
                PARTITION BY canonical(event_id)
                ORDER BY
                    session_id IS NULL OR us IS NULL, us NULLS LAST, user_id NULLS FIRST, session_id NULLS FIRST,
                    event_type NULLS FIRST, device_type NULLS FIRST, browser NULLS FIRST, ip_address NULLS FIRST,
                    user_tier NULLS FIRST, CASE WHEN event_type = 'purchase' THEN amount END NULLS FIRST,
                    page_url NULLS FIRST, product_id NULLS FIRST, search_query NULLS FIRST, transaction_id NULLS FIRST
            ) = 1
    """,
    # An event belongs to its session up to the maximum length after the session's first one.
    "members": """
        SELECT * FROM events
        WHERE session_id IS NOT NULL AND us IS NOT NULL
        QUALIFY us <= min(us) OVER (PARTITION BY session_id) + {session_us}
    """,
    "known_sessions": """
        SELECT
            session_id,
            first(user_id ORDER BY us, event_id) FILTER (user_id IS NOT NULL) AS user_id,
            first(user_tier ORDER BY us, event_id) FILTER (user_tier IS NOT NULL) AS user_tier,
            min(us) AS us,
            max(us) AS end_us,
            utc_date(min(us)) AS date,
            count(*) AS event_count,
            count(*) FILTER (event_type = 'page_view') AS page_views,
            count(*) FILTER (event_type = 'product_view') AS product_views,
            count(*) FILTER (event_type = 'search') AS searches,
            count(*) FILTER (event_type = 'add_to_cart') AS add_to_cart_events,
            count(*) FILTER (event_type = 'purchase') AS purchases,
            coalesce(sum(amount) FILTER (event_type = 'purchase'), 0)::DECIMAL(38, 2) AS total_spent,
            min(us) FILTER (event_type = 'purchase') AS first_purchase_us,
            coalesce(bool_or(names_a_robot(browser)) FILTER (is_valid), false) AS has_bot_event,
            coalesce(bool_or(is_test) FILTER (is_valid), false) AS has_test_event,
            count(*) FILTER (is_valid AND event_type IN ('page_view', 'product_view', 'search')) AS requests
        FROM members
        GROUP BY session_id
    """,
    # How often a session asks for one and the same: views of a page or product, searches of a text.
    "repeats": """
        SELECT session_id, max(times) AS max_repeats
        FROM (
            SELECT session_id, event_type, thing, count(*) AS times
            FROM (
                SELECT
                    session_id, event_type,
                    CASE event_type
                        WHEN 'page_view' THEN page_url WHEN 'product_view' THEN product_id WHEN 'search' THEN search_query
                    END AS thing
                FROM members WHERE is_valid
            )
            WHERE nullif(thing, '') IS NOT NULL
            GROUP BY session_id, event_type, thing
        )
        GROUP BY session_id
    """,
    # Too many requests a minute make a robot, if they are enough to tell, and too many of the same. A session has a second.
    "judged_sessions": """
        SELECT
            s.*,
            plausible(us) AND total_spent >= 0 AS is_valid,
            greatest(end_us - us, 1000000) AS time_us,
            has_bot_event
                OR (requests >= {bot_min_requests} AND requests * 60000000 > {bot_requests_per_minute} * time_us)
                OR coalesce(max_repeats, 0) > {bot_repeats} AS is_bot,
            names_a_test_user(user_id) OR has_test_event AS is_test
        FROM known_sessions AS s
        LEFT JOIN repeats USING (session_id)
    """,
    # What counts of them: valid, no bot, no test user.
    "sessions": """
        SELECT * FROM judged_sessions WHERE is_valid AND ({bots} OR NOT is_bot) AND ({tests} OR NOT is_test)
    """,
    # Valid events that count: an event inherits what its session is; one of no known session is judged by itself.
    "counted_events": """
        SELECT
            events.* EXCLUDE (user_id, user_tier),
            events.user_id AS own_user_id,
            coalesce(events.user_id, s.user_id) AS user_id,
            coalesce(events.user_tier, s.user_tier) AS user_tier
        FROM events
        LEFT JOIN judged_sessions AS s USING (session_id)
        WHERE events.is_valid
            AND ({bots} OR NOT coalesce(s.is_bot, names_a_robot(events.browser)))
            AND ({tests} OR NOT coalesce(s.is_test, events.is_test))
    """,
    "bought": """
        SELECT *, coalesce(transaction_id, 'event:' || event_id) AS order_id
        FROM counted_events
        WHERE event_type = 'purchase'
    """,
    # The valid transaction lines, the last delivered row of each.
    "transaction_lines": """
        SELECT
            canonical(transaction_id) AS transaction_id, nullif(product_id, '') AS product_id,
            canonical(user_id) AS user_id, quantity,
            total_amount, discount_amount, tax_amount, lower(status) AS status, nullif(user_tier, '') AS user_tier,
            nullif(status, '') AS status_as_sent,
            epoch_us(created_at) AS us, utc_date(epoch_us(created_at)) AS date
        FROM (
            SELECT * FROM delivered_transactions
            QUALIFY row_number() OVER (
                PARTITION BY canonical(transaction_id), nullif(product_id, '') ORDER BY delivery DESC
            ) = 1
        )
        WHERE nullif(transaction_id, '') IS NOT NULL AND plausible(us) AND total_amount IS NOT NULL
            AND coalesce(unit_price, 0) >= 0
    """,
    "bought_lines": """
        SELECT
            order_id, product_id, any_value(transaction_id) AS transaction_id, coalesce(sum(amount), 0) AS gross,
            sum(coalesce(quantity, 1)) AS counted, count(*) AS purchases,
            min(us) AS us, min(date) AS first_date, max(date) AS last_date
        FROM bought
        GROUP BY order_id, product_id
    """,
    "order_lines": """
        SELECT
            line.order_id,
            line.product_id,
            line.purchases,
            line.gross::DECIMAL(38, 2) AS gross_amount,
            coalesce(t.quantity, line.counted) AS units,
            coalesce(t.discount_amount, 0)::DECIMAL(38, 2) AS discount_amount,
            coalesce(t.tax_amount, 0)::DECIMAL(38, 2) AS tax_amount,
            coalesce(t.status IN ({cancelled}), false) AS is_cancelled,
            CASE
                WHEN is_cancelled THEN 0
                WHEN t.total_amount IS NOT NULL THEN t.total_amount - coalesce(t.tax_amount, 0)
                ELSE line.gross
            END::DECIMAL(38, 2) AS net_amount,
            line.us,
            t.total_amount AS transaction_total,
            t.status_as_sent,
            least(line.first_date, t.date) AS first_date,
            greatest(line.last_date, t.date) AS last_date
        FROM bought_lines AS line
        LEFT JOIN transaction_lines AS t
            ON line.transaction_id = t.transaction_id
            AND line.product_id IS NOT DISTINCT FROM t.product_id
            AND coalesce(t.quantity, 0) >= 0
    """,
    "orders": """
        SELECT first_purchase.*, lines.* EXCLUDE (order_id)
        FROM (
            SELECT
                order_id,
                min(us) AS us,
                utc_date(min(us)) AS date,
                first(user_id ORDER BY us, event_id) FILTER (user_id IS NOT NULL) AS user_id,
                first(user_tier ORDER BY us, event_id) FILTER (user_tier IS NOT NULL) AS user_tier
            FROM bought
            GROUP BY order_id
        ) AS first_purchase
        JOIN (
            SELECT
                order_id, sum(gross_amount) AS gross_amount, sum(units) AS units, sum(net_amount) AS net_amount,
                bool_and(is_cancelled) AS is_cancelled, count(*) AS lines, sum(purchases) AS purchases,
                sum(discount_amount) AS discount_amount, sum(tax_amount) AS tax_amount,
                count(transaction_total) AS lines_with_transaction
            FROM order_lines
            GROUP BY order_id
        ) AS lines USING (order_id)
    """,
    # Purchases that are left out. Their lines, where none of the order and product counts, are no order lines.
    "left_out_purchases": """
        SELECT *, coalesce(transaction_id, 'event:' || event_id) AS order_id
        FROM events
        ANTI JOIN counted_events USING (event_id)
        WHERE is_valid AND event_type = 'purchase'
    """,
    # The sessions in which a user may have sent something back: whether there is one that counts.
    "return_visits": """
        SELECT
            t.transaction_id, t.product_id,
            bool_or(({bots} OR NOT s.is_bot) AND ({tests} OR NOT s.is_test)) AS one_counts
        FROM transaction_lines AS t
        JOIN judged_sessions AS s ON t.user_id = s.user_id AND t.us BETWEEN s.us AND s.end_us
        WHERE t.quantity < 0
        GROUP BY t.transaction_id, t.product_id
    """,
    # Returns, left out or not, and what they are worth.
    "given_back": """
        SELECT
            t.*,
            abs(coalesce(t.total_amount - coalesce(t.tax_amount, 0), 0)) AS worth,
            orders.net_amount AS order_amount,
            ((NOT {tests} AND names_a_test_user(t.user_id))
                OR NOT coalesce(v.one_counts, true)
                OR (orders.order_id IS NULL AND t.transaction_id IN (SELECT order_id FROM left_out_purchases))
            ) AS is_left_out
        FROM transaction_lines AS t
        LEFT JOIN return_visits AS v
            ON t.transaction_id = v.transaction_id AND t.product_id IS NOT DISTINCT FROM v.product_id
        LEFT JOIN orders ON t.transaction_id = orders.order_id
        WHERE t.quantity < 0 AND t.status IS DISTINCT FROM 'adjustment'
    """,
    # Of one order they take off, one after the other, what is left of it.
    "return_lines": """
        SELECT
            transaction_id, product_id, user_id, user_tier, us, date, status,
            -(CASE
                WHEN order_amount IS NULL THEN worth
                ELSE least(worth, greatest(0, order_amount - coalesce(sum(worth) OVER earlier, 0)))
            END)::DECIMAL(38, 2) AS net_amount,
            coalesce(discount_amount, 0) AS discount_amount, coalesce(tax_amount, 0) AS tax_amount,
            -quantity AS returned_units, total_amount AS transaction_total, status_as_sent
        FROM given_back
        WHERE NOT is_left_out
        WINDOW earlier AS (
            PARTITION BY transaction_id ORDER BY us, product_id NULLS FIRST
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
    """,
    "left_out_lines": """
        SELECT
            p.order_id, p.product_id, min(p.us) AS us, min(p.date) AS first_date, max(p.date) AS last_date
        FROM left_out_purchases AS p
        LEFT JOIN order_lines AS l ON p.order_id = l.order_id AND p.product_id IS NOT DISTINCT FROM l.product_id
        WHERE l.order_id IS NULL
        GROUP BY p.order_id, p.product_id
    """,
    # One tier for a user's date: of his last session with one; else of his last order; else of his last return.
    "user_tiers": """
        SELECT user_id, date, last(user_tier ORDER BY importance, us, id, product_id NULLS FIRST) AS user_tier
        FROM (
            SELECT user_id, date, user_tier, 3 AS importance, us, session_id AS id, NULL AS product_id FROM sessions
            UNION ALL SELECT user_id, date, user_tier, 2, us, order_id, NULL FROM orders
            UNION ALL SELECT user_id, date, user_tier, 1, us, transaction_id, product_id FROM return_lines
        )
        WHERE user_id IS NOT NULL AND user_tier IS NOT NULL
        GROUP BY user_id, date
    """,
    **{
        f"placed_{name}": f"""
        SELECT
            {name}.* EXCLUDE (user_tier),
            CASE WHEN user_id IS NULL THEN {name}.user_tier ELSE user_tiers.user_tier END AS user_tier
        FROM {name}
        LEFT JOIN user_tiers USING (user_id, date)
        """
        for name in ("sessions", "orders", "return_lines")
    },
    "user_days": """
        SELECT
            user_id, date, user_tiers.user_tier,
            sum(net) OVER (PARTITION BY user_id ORDER BY date)::DECIMAL(38, 2) AS net_revenue_to_date,
            count(*) OVER (PARTITION BY user_id ORDER BY date) AS active_dates_to_date,
            net::DECIMAL(38, 2) AS net_revenue,
            sum(orders) OVER (PARTITION BY user_id ORDER BY date) AS orders_to_date,
            sessions, orders, returns
        FROM (
            SELECT
                user_id, date, sum(net) AS net, count(*) FILTER (act = 'session') AS sessions,
                count(*) FILTER (act = 'order') AS orders, count(*) FILTER (act = 'return') AS returns
            FROM (
                SELECT user_id, date, 0 AS net, 'session' AS act FROM sessions
                UNION ALL SELECT user_id, date, net_amount, 'order' FROM orders
                UNION ALL SELECT user_id, date, net_amount, 'return' FROM return_lines
            )
            WHERE user_id IS NOT NULL
            GROUP BY user_id, date
        )
        LEFT JOIN user_tiers USING (user_id, date)
    """,
    "buyers": """
        SELECT
            user_id, date, user_tier, count(*) AS orders,
            date > min(date) OVER (PARTITION BY user_id) AS has_ordered_before
        FROM placed_orders
        WHERE user_id IS NOT NULL
        GROUP BY user_id, date, user_tier
    """,
}

_TIERED = """
    SELECT date, user_tier FROM placed_sessions
    UNION SELECT date, user_tier FROM placed_orders
    UNION SELECT date, user_tier FROM placed_return_lines
"""
_OF_SESSIONS = f"""
    SELECT
        date, user_tier, count(DISTINCT user_id) AS unique_users, count(*) AS sessions,
        sum(page_views) AS page_views, sum(product_views) AS product_views, sum(searches) AS searches,
        sum(add_to_cart_events) AS add_to_cart_events, sum(purchases) AS purchases, sum(event_count) AS events,
        count(*) FILTER (purchases > 0) AS converting_sessions,
        sum(end_us - us) AS duration, count(*) * {_MINUTE} AS duration__per,
        sum(total_spent) AS revenue,
        coalesce(sum(total_spent) FILTER (user_id IS NOT NULL), 0) AS revenue_of_users,
        count(*) FILTER (event_count = 1 AND purchases = 0) AS bounces,
        sum(first_purchase_us - us) AS until_purchase, count(first_purchase_us) * {_MINUTE} AS until_purchase__per
    FROM placed_sessions
    GROUP BY date, user_tier
"""
_OF_ORDERS = """
    SELECT
        date, user_tier, count(*) AS orders, sum(gross_amount) AS order_value, sum(units) AS units,
        sum(net_amount) AS net, count(DISTINCT user_id) AS buyers, count(user_id) AS orders_of_users,
        count(*) FILTER (is_cancelled) AS cancelled_orders,
        count(*) FILTER (user_id IS NULL) AS guest_orders
    FROM placed_orders
    GROUP BY date, user_tier
"""
_OF_RETURNS = """
    SELECT
        date, user_tier, sum(net_amount) AS net, count(DISTINCT transaction_id) AS returns,
        sum(returned_units) AS returned_units
    FROM placed_return_lines
    GROUP BY date, user_tier
"""
_LIFETIME = """
    SELECT
        date, user_tier, sum(net_revenue_to_date) * {clv_active_days} AS lifetime,
        sum(active_dates_to_date) AS lifetime__per
    FROM user_days
    GROUP BY date, user_tier
"""
_BY_TIER = "AND keys.user_tier IS NOT DISTINCT FROM {table}.user_tier"


def _joined(keys: str, parts: dict[str, str], tiered: bool) -> str:
    text = f"FROM ({keys}) AS keys"
    for table, query in parts.items():
        same_tier = _BY_TIER.format(table=table) if tiered else ""
        text += f" LEFT JOIN ({query}) AS {table} ON keys.date = {table}.date {same_tier}"
    return text


def _all_tiers(query: str) -> str:
    return query.replace("date, user_tier", "date")


_TOTAL = _joined(
    f"SELECT DISTINCT date FROM ({_TIERED})",
    {
        "s": _all_tiers(_OF_SESSIONS),
        "o": _all_tiers(_OF_ORDERS),
        "r": _all_tiers(_OF_RETURNS),
        "b": "SELECT date, count(*) FILTER (has_ordered_before) AS returning_buyers FROM buyers GROUP BY date",
    },
    tiered=False,
)
_PER_TIER = _joined(
    _TIERED,
    {
        "s": _OF_SESSIONS,
        "o": _OF_ORDERS,
        "r": _OF_RETURNS,
        "l": _LIFETIME,
        "b": """
            SELECT date, user_tier, count(*) FILTER (orders >= 2) AS repeating FROM buyers GROUP BY date, user_tier
        """,
    },
    tiered=True,
)


def _counts(names: str, table: str) -> str:
    return ", ".join(f"coalesce({table}.{name}, 0) AS {name}" for name in names.split())


_SPEED_COUNTS = {
    "sessions": "count(*) FILTER ({which})",
    **{
        name: "coalesce(sum(" + name + ") FILTER ({which}), 0)"
        for name in ("page_views", "product_views", "searches", "add_to_cart_events", "purchases")
    },
    "converting_sessions": "count(*) FILTER ({which} AND purchases > 0)",
    "revenue": "coalesce(sum(total_spent) FILTER ({which}), 0)",
    "unique_users": "count(DISTINCT user_id) FILTER ({which})",
}
_SPEED = ", ".join(
    f"{count.format(which=which)} AS {prefix}{name}"
    for prefix, which in (("", "is_valid"), ("invalid_", "NOT is_valid"))
    for name, count in _SPEED_COUNTS.items()
)

# The columns that are an average of durations or counts per session: NULL where there is nothing to average. All other
# quotients are 0 there.
AVERAGES = frozenset(
    {
        "avg_session_duration_minutes",
        "avg_events_per_session",
        "avg_products_viewed_per_session",
        "avg_searches_per_session",
        "time_to_purchase_minutes",
        "avg_view_duration_seconds",
    }
)


def scale_of(column: str) -> int:
    """Return the decimal places of a column that is a quotient: of shares six, of means four, of money two."""
    if "rate" in column or "frequency" in column:
        return 6
    return 4 if any(unit in column for unit in ("minutes", "seconds", "per_session")) else 2


# Table -> what identifies its rows, and the query that gives them.
TABLES = {
    "marts.daily_metrics": (
        ("date", "user_tier"),
        f"""
        SELECT
            keys.date, keys.user_tier,
            {_counts("unique_users sessions page_views product_views searches add_to_cart_events purchases", "s")},
            {_counts("converting_sessions revenue", "s")},
            {_counts("orders order_value units buyers", "o")},
            coalesce(o.net, 0) + coalesce(r.net, 0) AS net_revenue,
            duration AS avg_session_duration_minutes, duration__per AS avg_session_duration_minutes__per,
            s.converting_sessions AS session_to_purchase_rate, s.sessions AS session_to_purchase_rate__per,
            s.add_to_cart_events AS view_to_cart_rate, s.product_views AS view_to_cart_rate__per,
            s.purchases AS cart_to_purchase_rate, s.add_to_cart_events AS cart_to_purchase_rate__per,
            o.order_value AS avg_order_value, o.orders AS avg_order_value__per,
            revenue_of_users AS revenue_per_user, s.unique_users AS revenue_per_user__per,
            lifetime AS customer_lifetime_value, lifetime__per AS customer_lifetime_value__per
        {_PER_TIER}
        """,
    ),
    "marts.user_tier_analytics": (
        ("date", "user_tier"),
        f"""
        SELECT
            keys.date, keys.user_tier,
            s.events AS avg_events_per_session, s.sessions AS avg_events_per_session__per,
            s.product_views AS avg_products_viewed_per_session, s.sessions AS avg_products_viewed_per_session__per,
            s.searches AS avg_searches_per_session, s.sessions AS avg_searches_per_session__per,
            orders_of_users AS purchase_frequency, o.buyers AS purchase_frequency__per,
            o.order_value AS avg_purchase_amount, o.orders AS avg_purchase_amount__per,
            repeating AS repeat_purchase_rate, o.buyers AS repeat_purchase_rate__per,
            bounces AS bounce_rate, s.sessions AS bounce_rate__per,
            until_purchase AS time_to_purchase_minutes, until_purchase__per AS time_to_purchase_minutes__per
        {_PER_TIER}
        """,
    ),
    "marts.daily_totals": (
        ("date",),
        f"""
        SELECT
            keys.date,
            {_counts("unique_users sessions converting_sessions purchases revenue", "s")},
            {_counts("orders order_value units buyers cancelled_orders guest_orders", "o")},
            coalesce(o.net, 0) + coalesce(r.net, 0) AS net_revenue,
            {_counts("returns returned_units", "r")},
            {_counts("returning_buyers", "b")},
            o.order_value AS avg_order_value, o.orders AS avg_order_value__per,
            b.returning_buyers AS returning_buyer_rate, o.buyers AS returning_buyer_rate__per
        {_TOTAL}
        """,
    ),
    "marts.product_performance": (
        ("date", "product_id"),
        """
        WITH timed AS (
            SELECT
                session_id, event_id,
                lead(us) OVER (PARTITION BY session_id ORDER BY us, event_id) - us AS viewed
            FROM counted_events WHERE session_id IS NOT NULL
        ),
        of_events AS (
            SELECT
                date, product_id,
                count(*) FILTER (event_type = 'product_view') AS views,
                count(DISTINCT own_user_id) FILTER (event_type = 'product_view') AS unique_viewers,
                count(*) FILTER (event_type = 'add_to_cart') AS add_to_carts,
                count(*) FILTER (event_type = 'purchase') AS purchases,
                coalesce(sum(amount) FILTER (event_type = 'purchase'), 0) AS revenue,
                sum(viewed) FILTER (event_type = 'product_view' AND viewed <= {idle_us}) AS viewing,
                count(viewed) FILTER (event_type = 'product_view' AND viewed <= {idle_us}) * 1000000 AS viewing__per
            FROM counted_events
            LEFT JOIN timed USING (session_id, event_id)
            WHERE product_id IS NOT NULL AND event_type IN ('product_view', 'add_to_cart', 'purchase')
            GROUP BY date, product_id
        ),
        of_lines AS (
            SELECT date, product_id, sum(l.units) AS units, sum(l.gross_amount) AS gross, sum(l.net_amount) AS net
            FROM order_lines AS l JOIN orders USING (order_id)
            WHERE product_id IS NOT NULL
            GROUP BY date, product_id
        ),
        of_returns AS (
            SELECT date, product_id, sum(net_amount) AS net FROM return_lines
            WHERE product_id IS NOT NULL
            GROUP BY date, product_id
        ),
        keys AS (
            SELECT date, product_id FROM of_events
            UNION SELECT date, product_id FROM of_lines
            UNION SELECT date, product_id FROM of_returns
        )
        SELECT
            keys.date, keys.product_id,
            coalesce(views, 0) AS views, coalesce(unique_viewers, 0) AS unique_viewers,
            coalesce(add_to_carts, 0) AS add_to_carts, coalesce(purchases, 0) AS purchases,
            coalesce(revenue, 0) AS revenue, coalesce(units, 0) AS units,
            coalesce(of_lines.net, 0) + coalesce(of_returns.net, 0) AS net_revenue,
            viewing AS avg_view_duration_seconds, viewing__per AS avg_view_duration_seconds__per,
            add_to_carts AS view_to_cart_rate, views AS view_to_cart_rate__per,
            purchases AS cart_to_purchase_rate, add_to_carts AS cart_to_purchase_rate__per,
            gross AS avg_selling_price, units AS avg_selling_price__per
        FROM keys
        LEFT JOIN of_events USING (date, product_id)
        LEFT JOIN of_lines USING (date, product_id)
        LEFT JOIN of_returns USING (date, product_id)
        """,
    ),
    "marts.daily_speed_comparable": (
        ("date", "user_tier"),
        f"SELECT date, user_tier, {_SPEED} FROM judged_sessions GROUP BY date, user_tier",
    ),
    "staging.user_sessions_enhanced": (
        ("session_id",),
        """
        SELECT
            session_id, user_id, user_tier, make_timestamp(us) AS session_start, make_timestamp(end_us) AS session_end,
            end_us - us AS session_duration_minutes, 60000000 AS session_duration_minutes__per,
            page_views, product_views, searches, add_to_cart_events, purchases, total_spent,
            purchases > 0 AS converted_to_purchase, make_timestamp(first_purchase_us) AS first_purchase_at, event_count,
            is_valid, is_bot AS is_bot_traffic, is_test AS is_test_user
        FROM judged_sessions
        """,
    ),
    "staging.int_order_lines": (
        ("order_id", "product_id", "line_kind"),
        """
        SELECT
            order_id, l.product_id, 'sale' AS line_kind, o.date, o.user_id, o.user_tier, l.purchases, l.gross_amount,
            l.units, l.discount_amount, l.tax_amount, l.net_amount, 0 AS returned_units, l.is_cancelled,
            make_timestamp(l.us) AS occurred_at, make_timestamp(o.us) AS ordered_at, l.transaction_total,
            l.status_as_sent AS status, l.first_date, l.last_date
        FROM order_lines AS l JOIN orders AS o USING (order_id)
        UNION ALL
        SELECT
            transaction_id, product_id, 'return', date, user_id, user_tier, 0, 0, 0, discount_amount, tax_amount,
            net_amount, returned_units, false, make_timestamp(us), NULL, transaction_total, status_as_sent, date, date
        FROM return_lines
        UNION ALL
        SELECT
            transaction_id, product_id, 'left_out_return', date, user_id, user_tier, 0, 0, 0,
            coalesce(discount_amount, 0), coalesce(tax_amount, 0), 0, 0, false, make_timestamp(us), NULL, total_amount,
            status_as_sent, date, date
        FROM given_back WHERE is_left_out
        UNION ALL
        SELECT
            l.order_id, l.product_id, 'left_out_sale', coalesce(o.date, l.first_date), o.user_id, o.user_tier, 0, 0, 0,
            coalesce(t.discount_amount, 0), coalesce(t.tax_amount, 0), 0, 0, coalesce(t.status IN ({cancelled}), false),
            make_timestamp(l.us), make_timestamp(o.us), t.total_amount, t.status_as_sent,
            least(l.first_date, t.date), greatest(l.last_date, t.date)
        FROM left_out_lines AS l
        LEFT JOIN orders AS o USING (order_id)
        LEFT JOIN transaction_lines AS t
            ON l.order_id = t.transaction_id AND l.product_id IS NOT DISTINCT FROM t.product_id
            AND coalesce(t.quantity, 0) >= 0
        UNION ALL
        SELECT
            t.transaction_id, t.product_id, 'unsold', t.date, t.user_id, t.user_tier, 0, 0, 0,
            coalesce(t.discount_amount, 0), coalesce(t.tax_amount, 0), 0, 0, coalesce(t.status IN ({cancelled}), false),
            make_timestamp(t.us), NULL, t.total_amount, t.status_as_sent, t.date, t.date
        FROM transaction_lines AS t
        LEFT JOIN order_lines AS l
            ON t.transaction_id = l.order_id AND t.product_id IS NOT DISTINCT FROM l.product_id
        LEFT JOIN left_out_lines AS left_out
            ON t.transaction_id = left_out.order_id AND t.product_id IS NOT DISTINCT FROM left_out.product_id
        WHERE l.order_id IS NULL AND left_out.order_id IS NULL AND coalesce(t.quantity, 0) >= 0
        """,
    ),
    "staging.int_orders": (
        ("order_id",),
        """
        SELECT
            order_id, date, make_timestamp(us) AS ordered_at, user_id, user_tier, lines, purchases, gross_amount, units,
            discount_amount, tax_amount, net_amount, is_cancelled, lines_with_transaction
        FROM orders
        """,
    ),
    "staging.int_user_days": (
        ("date", "user_id"),
        """
        SELECT
            date, user_id, user_tier, sessions, orders, returns, net_revenue, orders_to_date, net_revenue_to_date,
            active_dates_to_date
        FROM user_days
        """,
    ),
}
