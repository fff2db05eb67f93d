{# SELECT date: the dates that the build has to produce. One that has become empty is among them, so that its old rows go. #}
{% macro affected_dates(plan) -%}
    SELECT DISTINCT DATEADD('day', spill.days, pending.date) AS date
    FROM (
        SELECT
            changes.dataset,
            changes.date
        FROM (
            {{ driving_changes(plan['drivers'], plan['ceilings']) }}
        ) AS changes
        LEFT JOIN {{ source('ops', 'model_dates') }} AS built
            ON
                built.model = '{{ plan["model"] }}'
                AND changes.dataset = built.dataset
                AND changes.date = built.date
        WHERE {{ is_pending(plan) }}
    ) AS pending
    INNER JOIN (
        VALUES
        {%- for driver in plan['drivers'] %}
            {%- set last = loop.last %}
            {%- for days in range(0, (driver['spill_days'] | abs) + 1) %}
        ('{{ driver["dataset"] }}', {{ -days if driver['spill_days'] > 0 else days }})
                {{- '' if last and loop.last else ',' }}
            {%- endfor %}
        {%- endfor %}
    ) AS spill (dataset, days)
        ON pending.dataset = spill.dataset
{%- endmacro %}

{# SELECT date, change_id: per date the newest entry of ops.date_changes for the dataset that the build contains. #}
{% macro newest_changes(plan, dataset) -%}
    SELECT
        date,
        MAX(change_id) AS change_id
    FROM {{ source('ops', 'date_changes') }}
    WHERE
        dataset = '{{ dataset }}'
        AND change_id <= {{ plan['ceilings'].get(dataset, 0) }}
    GROUP BY date
{%- endmacro %}

{# A condition that is TRUE for the dates of the build: on a column of dates (`on_dates`) or of times (`on_times`). Ranges of
   literals, by which micro-partitions are skipped before anything is joined or windowed; with very many ranges, one. before, after: days
   to add at both ends of each date. #}
{% macro on_dates(dates, column, before=0, after=0) -%}
    {%- set conditions = [] -%}
    {%- for first, last in date_ranges(dates, before, after) -%}
        {%- do conditions.append(column ~ " BETWEEN '" ~ first ~ "'::DATE AND '" ~ last ~ "'::DATE") -%}
    {%- endfor -%}
    {%- do return('(' ~ (conditions | join(' OR ') or 'FALSE') ~ ')') -%}
{%- endmacro %}

{% macro on_times(dates, column, before=0, after=0) -%}
    {%- set day = modules.datetime.timedelta(days=1) -%}
    {%- set conditions = [] -%}
    {%- for first, last in date_ranges(dates, before, after) -%}
        {%- do conditions.append(
            column ~ " >= '" ~ first ~ "'::TIMESTAMP_NTZ AND " ~ column ~ " < '" ~ (last + day) ~ "'::TIMESTAMP_NTZ") -%}
    {%- endfor -%}
    {%- do return('(' ~ (conditions | join(' OR ') or 'FALSE') ~ ')') -%}
{%- endmacro %}

{# The dates (text, sorted) as a list of [first, last]. #}
{% macro date_ranges(dates, before=0, after=0) -%}
    {%- set day = modules.datetime.timedelta(days=1) -%}
    {%- set ranges = [] -%}
    {%- for text in dates -%}
        {%- set date = modules.datetime.date.fromisoformat(text) -%}
        {%- set first, last = date - day * before, date + day * after -%}
        {%- if ranges and first <= ranges[-1][1] + day -%}
            {%- do ranges.append([ranges.pop()[0], last]) -%}
        {%- else -%}
            {%- do ranges.append([first, last]) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do return(ranges if ranges | length <= 60 else [[ranges[0][0], ranges[-1][1]]]) -%}
{%- endmacro %}
