{# SELECT order_id: the orders with a purchase, a transaction or a line on a date of the build. #}
{% macro touched_orders(plan) -%}
    SELECT COALESCE(events.transaction_id, 'event:' || events.event_id) AS order_id
    FROM {{ ref('stg_events_cleaned') }} AS events
    WHERE
        events.event_type = 'purchase'
        AND events.is_valid
        {%- if not plan['full'] %}
        AND {{ on_times(plan['dates'], 'events.timestamp') }}
        {%- endif %}
    UNION
    SELECT transactions.transaction_id AS order_id
    FROM {{ ref('stg_transactions_validated') }} AS transactions
    WHERE
        transactions.is_valid
        {%- if not plan['full'] %}
        AND {{ on_times(plan['dates'], 'transactions.created_at') }}
        {%- endif %}
    {%- if is_incremental() %}
    UNION
    SELECT lines.order_id
    FROM {{ this }} AS lines
    {%- if not plan['full'] %}
    WHERE {{ overlaps_dates(plan['dates'], 'lines.first_date', 'lines.last_date') }}
    {%- endif %}
    {%- endif %}
{%- endmacro %}

{# The dates on which the touched orders have purchases or transactions, as far as is known: those of the build and, of lines that
   exist, theirs. A list of text. #}
{% macro order_dates(plan) -%}
    {%- set dates = {} -%}
    {%- for date in plan['dates'] -%}
        {%- do dates.update({date: true}) -%}
    {%- endfor -%}
    {%- if execute and plan['dates'] -%}
        {%- set spans -%}
        SELECT DISTINCT
            lines.first_date,
            lines.last_date
        FROM {{ this }} AS lines
        WHERE lines.order_id IN (SELECT touched.order_id FROM ({{ touched_orders(plan) }}) AS touched)
        {%- endset -%}
        {%- for first, last in run_query(spans).rows -%}
            {%- for days in range((last - first).days + 1) -%}
                {%- do dates.update({(first + modules.datetime.timedelta(days=days)) | string: true}) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {%- do return(dates | sort) -%}
{%- endmacro %}

{# A condition that is TRUE where the days from `first` to `last` meet one of the dates. #}
{% macro overlaps_dates(dates, first, last) -%}
    {%- set conditions = [] -%}
    {%- for date in (dates if dates | length <= 60 else []) -%}
        {%- do conditions.append(first ~ " <= '" ~ date ~ "'::DATE AND " ~ last ~ " >= '" ~ date ~ "'::DATE") -%}
    {%- endfor -%}
    {%- if dates and not conditions -%}
        {%- do conditions.append(first ~ " <= '" ~ dates[-1] ~ "'::DATE AND " ~ last ~ " >= '" ~ dates[0] ~ "'::DATE") -%}
    {%- endif -%}
    {%- do return('(' ~ (conditions | join(' OR ') or 'FALSE') ~ ')') -%}
{%- endmacro %}
