-- A query of other statements: what each of their `pairs` brings to a cell on each side, where that differs. Of pairs it takes pair_id, rank,
-- session_id, user_id, cause, detail, on which sides the session is, its tier there, and speed_… and batch_… of each metric. The sessions of
-- `same` are the same on both sides.
WITH added AS (
    SELECT
        pairs.pair_id,
        pairs.speed_tier AS user_tier,
        names.metric,
        DECODE(names.metric, &{speed_sums}) AS speed_value,
        0::NUMBER(32, 6) AS batch_value
    FROM pairs
    CROSS JOIN (VALUES &{sum_names}) AS names (metric)
    WHERE pairs.cause IS NOT NULL AND pairs.is_in_speed
    UNION ALL
    SELECT
        pairs.pair_id,
        pairs.batch_tier AS user_tier,
        names.metric,
        0::NUMBER(32, 6) AS speed_value,
        DECODE(names.metric, &{batch_sums}) AS batch_value
    FROM pairs
    CROSS JOIN (VALUES &{sum_names}) AS names (metric)
    WHERE pairs.cause IS NOT NULL AND pairs.is_in_batch
),

-- Distinct counts: the keys that one side alone has, each with the session whose rank comes first.
keyed AS (
    SELECT
        pairs.pair_id,
        pairs.rank,
        pairs.speed_tier AS user_tier,
        names.metric,
        DECODE(names.metric, &{speed_keys}) AS key,
        1 AS is_speed
    FROM pairs
    CROSS JOIN (VALUES &{key_names}) AS names (metric)
    WHERE pairs.is_in_speed
    UNION ALL
    SELECT
        pairs.pair_id,
        pairs.rank,
        pairs.batch_tier AS user_tier,
        names.metric,
        DECODE(names.metric, &{batch_keys}) AS key,
        0 AS is_speed
    FROM pairs
    CROSS JOIN (VALUES &{key_names}) AS names (metric)
    WHERE pairs.is_in_batch
),

one_sided AS (
    SELECT
        user_tier,
        metric,
        key,
        MAX(is_speed) AS is_speed,
        SUBSTR(MIN(LPAD(rank::STRING, 2, '0') || pair_id), 3) AS pair_id
    FROM keyed
    WHERE key IS NOT NULL
    GROUP BY user_tier, metric, key
    HAVING MIN(is_speed) = MAX(is_speed)
),

same_keys AS (
    SELECT DISTINCT
        same.user_tier,
        names.metric,
        DECODE(names.metric, &{same_keys}) AS key
    FROM same
    CROSS JOIN (VALUES &{key_names}) AS names (metric)
    WHERE DECODE(names.metric, &{same_keys}) IN (SELECT one_sided.key FROM one_sided)
),

parts AS (
    SELECT
        pair_id,
        user_tier,
        metric,
        SUM(speed_value) AS speed_value,
        SUM(batch_value) AS batch_value
    FROM added
    GROUP BY pair_id, user_tier, metric
    HAVING SUM(speed_value) <> SUM(batch_value)
    UNION ALL
    SELECT
        one_sided.pair_id,
        one_sided.user_tier,
        one_sided.metric,
        one_sided.is_speed::NUMBER(32, 6) AS speed_value,
        (1 - one_sided.is_speed)::NUMBER(32, 6) AS batch_value
    FROM one_sided
    LEFT JOIN same_keys
        ON
            one_sided.metric = same_keys.metric
            AND one_sided.key = same_keys.key
            AND EQUAL_NULL(one_sided.user_tier, same_keys.user_tier)
    WHERE same_keys.key IS NULL
)

SELECT
    parts.user_tier,
    parts.metric,
    pairs.session_id,
    pairs.user_id,
    COALESCE(pairs.cause, 'unexplained') AS cause,
    pairs.detail,
    parts.speed_value,
    parts.batch_value,
    parts.speed_value - parts.batch_value AS difference
FROM parts
INNER JOIN pairs
    ON parts.pair_id = pairs.pair_id
