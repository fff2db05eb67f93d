-- What is compared. A row that exists is brought up to date; one that an account has added stays.
MERGE INTO recon.metrics AS target
USING (
    SELECT
        defaults.metric,
        defaults.aggregate,
        defaults.expression,
        defaults.unit,
        defaults.description,
        defaults.position
    FROM (
        VALUES
        ('sessions', 'count_distinct', 'session_id', 'sessions', 'Sessions that begin on the date', 1),
        ('page_views', 'sum', 'page_views', 'events', 'Pages viewed in these sessions', 2),
        ('product_views', 'sum', 'product_views', 'events', 'Products viewed in these sessions', 3),
        ('searches', 'sum', 'searches', 'events', 'Searches in these sessions', 4),
        ('add_to_cart_events', 'sum', 'add_to_cart_events', 'events', 'Products put into a cart in these sessions', 5),
        ('purchases', 'sum', 'purchases', 'events', 'Purchase events of these sessions', 6),
        ('revenue', 'sum', 'total_spent', 'money', 'Amounts of the purchase events, gross', 7),
        ('unique_users', 'count_distinct', 'user_id', 'users', 'Users of these sessions; not additive over tiers and dates', 8),
        ('converting_sessions', 'count_distinct', 'IFF(purchases > 0, session_id, NULL)', 'sessions', 'Sessions with a purchase event', 9)
    ) AS defaults (metric, aggregate, expression, unit, description, position)
) AS source
    ON target.metric = source.metric
WHEN MATCHED AND (
    target.aggregate <> source.aggregate OR target.expression <> source.expression OR target.unit <> source.unit
    OR target.description <> source.description OR target.position <> source.position
) THEN UPDATE SET
    aggregate = source.aggregate,
    expression = source.expression,
    unit = source.unit,
    description = source.description,
    position = source.position
WHEN NOT MATCHED THEN INSERT (metric, aggregate, expression, unit, description, position)
VALUES (source.metric, source.aggregate, source.expression, source.unit, source.description, source.position);

-- Limits are data: what recon.set_tolerance has set stays; a metric without any gets five percent for every date and tier.
INSERT INTO recon.tolerances (metric, user_tier, valid_from, absolute, relative)
SELECT
    metrics.metric,
    '*' AS user_tier,
    TO_DATE('0001-01-01', 'YYYY-MM-DD') AS valid_from,
    0 AS absolute,
    0.05 AS relative
FROM recon.metrics AS metrics
WHERE metrics.metric NOT IN (SELECT tolerances.metric FROM recon.tolerances AS tolerances);

MERGE INTO recon.settings AS target
USING (
    SELECT
        defaults.name,
        defaults.value,
        defaults.description
    FROM (
        VALUES
        ('allowed_lateness_hours', 3, 'How long after the end of a UTC day its data may still arrive: until then the day is not ready, and a session that the speed layer lacks is late, not lost'),
        ('not_ready_limit_hours', 6, 'How long a day may stay not ready after that before it alerts'),
        ('convergence_slo_hours', 48, 'How long a day and tier may disagree before it is stuck and alerts'),
        ('bucket_days', 31, 'The buckets of so many days, up to the newest one, are unloaded for the extraction to compare with'),
        ('bucket_min_sessions', 10000, 'A day of fewer sessions has no buckets: the extraction reads all its rows')
    ) AS defaults (name, value, description)
) AS source
    ON target.name = source.name
WHEN MATCHED AND target.description <> source.description THEN UPDATE SET description = source.description
WHEN NOT MATCHED THEN INSERT (name, value, description)
VALUES (source.name, source.value, source.description);
