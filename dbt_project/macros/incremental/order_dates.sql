{# SELECT order_id: the orders with a purchase, a transaction or a line on a date of the build. purchases, transactions: relations with
   order_id and the time. #}
{% macro touched_orders(plan, purchases, transactions) -%}
    SELECT purchases.order_id
    FROM {{ purchases }} AS purchases
    {%- if not plan['full'] %}
    WHERE {{ on_times(plan['dates'], 'purchases.timestamp') }}
    {%- endif %}
    UNION
    SELECT transactions.order_id
    FROM {{ transactions }} AS transactions
    {%- if not plan['full'] %}
    WHERE {{ on_times(plan['dates'], 'transactions.created_at') }}
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

{# EXCEPT …: takes out of the touched orders those with a row on a date that changed since the build was planned. Such rows came after
   the look-up of order_dates: it may not know where the order's other lines lie. The next build, for which these dates are pending, finds them. #}
{% macro except_later_orders(plan, purchases, transactions) -%}
    {%- if not plan['full'] %}
    {%- for relation, time, dataset in [(purchases, 'timestamp', 'user_events'), (transactions, 'created_at', 'transactions')] %}
    EXCEPT
    SELECT later.order_id
    FROM {{ relation }} AS later
    WHERE
        TO_DATE(later.{{ time }}) IN (
            SELECT changes.date
            FROM {{ source('ops', 'date_changes') }} AS changes
            WHERE
                changes.dataset = '{{ dataset }}'
                AND changes.change_id > {{ plan['ceilings'].get(dataset, 0) }}
        )
    {%- endfor %}
    {%- endif %}
{%- endmacro %}

{# The dates on which the touched orders have purchases or transactions, as far as is known: those of the build and, of lines that
   exist, theirs. A list of text. An order's other lines may lie anywhere: this one look-up reads the ids of all lines, so
   that nothing else has to. #}
{% macro order_dates(plan) -%}
    {%- set dates = {} -%}
    {%- for date in plan['dates'] -%}
        {%- do dates.update({date: true}) -%}
    {%- endfor -%}
    {%- if execute and plan['dates'] and not plan['full'] -%}
        {%- set spans -%}
        WITH purchases AS (
            SELECT
                {{ order_id('events') }} AS order_id,
                events.timestamp
            FROM {{ ref('stg_events_cleaned') }} AS events
            WHERE
                events.event_type = 'purchase'
                AND events.is_valid
        ),

        transactions AS (
            SELECT
                transaction_id AS order_id,
                created_at
            FROM {{ ref('stg_transactions_validated') }}
            WHERE is_valid
        ),

        touched AS (
            {{ touched_orders(plan, 'purchases', 'transactions') }}
        )

        SELECT DISTINCT
            lines.first_date,
            lines.last_date
        FROM {{ this }} AS lines
        WHERE lines.order_id IN (SELECT touched.order_id FROM touched)
        {%- endset -%}
        {%- for first, last in run_query(spans).rows -%}
            {%- for days in range((last - first).days + 1) -%}
                {%- do dates.update({(first + modules.datetime.timedelta(days=days)) | string: true}) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {%- do return(dates | sort) -%}
{%- endmacro %}

{# How many days before an event its session may have started: the session limit (ops.session_limit), in whole days. #}
{% macro session_days() -%}
    {%- if not execute -%}
        {%- do return(1) -%}
    {%- endif -%}
    {%- set found = run_query('SELECT CEIL(max_session_hours / 24) AS session_days FROM ' ~ source('ops', 'session_limit')) -%}
    {%- do return(found.rows[0][0] | int) -%}
{%- endmacro %}

{# A condition that is TRUE where the days from `first` to `last` meet one of the dates. #}
{% macro overlaps_dates(dates, first, last) -%}
    {%- set conditions = [] -%}
    {%- for date in (dates if dates | length <= 60 else []) -%}
        {%- do conditions.append(first ~ " <= TO_DATE('" ~ date ~ "', 'YYYY-MM-DD') AND " ~ last ~ " >= TO_DATE('" ~ date ~ "', 'YYYY-MM-DD')") -%}
    {%- endfor -%}
    {%- if dates and not conditions -%}
        {%- do conditions.append(first ~ " <= TO_DATE('" ~ dates[-1] ~ "', 'YYYY-MM-DD') AND " ~ last ~ " >= TO_DATE('" ~ dates[0] ~ "', 'YYYY-MM-DD')") -%}
    {%- endif -%}
    {%- do return('(' ~ (conditions | join(' OR ') or 'FALSE') ~ ')') -%}
{%- endmacro %}
