{# SELECT date: the dates that the build has to produce. One that has become empty is among them, so that its old rows go. #}
{% macro affected_dates(plan) -%}
    SELECT dates.date::DATE AS date
    FROM (
        VALUES
        {%- for date in plan['dates'] %}
        ('{{ date }}'){{ '' if loop.last else ',' }}
        {%- else %}
        (NULL)
        {%- endfor %}
    ) AS dates (date)
{%- endmacro %}

{# SELECT date, change_id: per date of the build the newest entry of ops.date_changes for the dataset that the build contains. #}
{% macro newest_changes(plan, dataset) -%}
    SELECT
        date,
        MAX(change_id) AS change_id
    FROM {{ source('ops', 'date_changes') }}
    WHERE
        dataset = '{{ dataset }}'
        AND change_id <= {{ plan['ceilings'].get(dataset, 0) }}
        AND {{ on_dates(plan['dates'], 'date') }}
    GROUP BY date
{%- endmacro %}

{# A condition that is TRUE for the dates of the build: on a column of dates (`on_dates`) or of times (`on_times`). Ranges of
   literals, by which micro-partitions are skipped before anything is joined or windowed; with very many ranges, one. before, after: days
   to add at both ends of each date. #}
{% macro on_dates(dates, column, before=0, after=0) -%}
    {%- do return(in_ranges(date_ranges(date_runs(dates, before, after)), column)) -%}
{%- endmacro %}

{% macro on_times(dates, column, before=0, after=0) -%}
    {%- set day = modules.datetime.timedelta(days=1) -%}
    {%- set conditions = [] -%}
    {%- for first, last in date_ranges(date_runs(dates, before, after)) -%}
        {%- set end = modules.datetime.date.fromisoformat(last) + day -%}
        {%- do conditions.append(
            column ~ " >= TO_TIMESTAMP_NTZ('" ~ first ~ "', 'YYYY-MM-DD') AND " ~ column ~ " < TO_TIMESTAMP_NTZ('" ~ end ~ "', 'YYYY-MM-DD')") -%}
    {%- endfor -%}
    {%- do return('(' ~ (conditions | join(' OR ') or 'FALSE') ~ ')') -%}
{%- endmacro %}

{# A condition that is TRUE where a column of dates lies in one of the ranges. #}
{% macro in_ranges(ranges, column) -%}
    {%- set conditions = [] -%}
    {%- for first, last in ranges -%}
        {%- do conditions.append(column ~ " BETWEEN TO_DATE('" ~ first ~ "', 'YYYY-MM-DD') AND TO_DATE('" ~ last ~ "', 'YYYY-MM-DD')") -%}
    {%- endfor -%}
    {%- do return('(' ~ (conditions | join(' OR ') or 'FALSE') ~ ')') -%}
{%- endmacro %}

{# The dates (text, sorted) as runs of consecutive ones: [[first, last]], text. #}
{% macro date_runs(dates, before=0, after=0) -%}
    {%- set day = modules.datetime.timedelta(days=1) -%}
    {%- set runs = [] -%}
    {%- for text in dates -%}
        {%- set date = modules.datetime.date.fromisoformat(text) -%}
        {%- set first, last = (date - day * before), (date + day * after) -%}
        {%- if runs and (first - day) | string <= runs[-1][1] -%}
            {%- do runs.append([runs.pop()[0], last | string]) -%}
        {%- else -%}
            {%- do runs.append([first | string, last | string]) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do return(runs) -%}
{%- endmacro %}

{# The runs, or with very many one that holds them all. #}
{% macro date_ranges(runs) -%}
    {%- do return(runs if runs | length <= 60 else [[runs[0][0], runs[-1][1]]]) -%}
{%- endmacro %}

{# Ranges: all dates, and those from the first of the given ones on. #}
{% macro all_dates() -%}
    {%- do return([['0001-01-01', '9999-12-31']]) -%}
{%- endmacro %}

{% macro dates_onwards(dates) -%}
    {%- do return([[dates[0], '9999-12-31']] if dates else []) -%}
{%- endmacro %}
