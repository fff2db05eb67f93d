{# SELECT date, change_id: the dates that a mart has to build, and the ledger entry that each is built from.

   dataset       which entries of ops.date_changes drive the mart: user_sessions | user_events | transactions
   incremental   is_incremental() of the model. TRUE: only dates whose newest change is above the one that the mart's
                 rows carry, or that have no rows. FALSE (first build, full refresh): every date in the ledger.
   spill_days    a date also depends on this many following days (an event just after midnight ends a view of the
                 day before), so their changes count as changes of the date. #}
{% macro affected_dates(dataset, incremental, spill_days=0) -%}
    SELECT
        changed.date,
        changed.change_id
    FROM (
        SELECT
            ledger.date,
            MAX(later.change_id) AS change_id
        FROM (
            SELECT DISTINCT date
            FROM {{ source('ops', 'date_changes') }}
            WHERE dataset = '{{ dataset }}'
        ) AS ledger
        INNER JOIN {{ source('ops', 'date_changes') }} AS later
            ON
                later.dataset = '{{ dataset }}'
                AND later.date BETWEEN ledger.date AND DATEADD('day', {{ spill_days }}, ledger.date)
        GROUP BY ledger.date
    ) AS changed
    {%- if incremental %}
    LEFT JOIN (
        SELECT
            date,
            MIN(change_id) AS change_id
        FROM {{ this }}
        GROUP BY date
    ) AS built
        ON changed.date = built.date
    WHERE built.change_id IS NULL OR changed.change_id > built.change_id
    {%- endif %}
{%- endmacro %}
