{# What a build of an incremental model has to do, as a dictionary:

   drivers      [{dataset, derived, spill_days}] as given: whose changes rebuild which dates. derived: FALSE for ops.date_changes (what
                flagging changed in STAGING), TRUE for ops.derived_changes (what another model changed). spill_days: a change
                of date X also rebuilds that many dates before X, negative: after X.
   version      the model's version in ops.model_builds when the pending changes were read
   definition   hash of the model, what it is made of, and the variables
   ceilings     dataset -> newest change_id that was there then; later ones are left to the next run
   dates        dates of the model that have to be built, sorted, as text
   full         TRUE: all there is (--full-refresh, or the table is new)

   A date of a dataset is pending when its newest change is above the watermark (ops.model_dates), when it has none, or when
   the definition is another one. The model puts `build_note(build)` into its SQL: the incremental strategy reads it there. #}
{% macro build(drivers) -%}
    {%- set plan = {
        'model': model.name, 'drivers': drivers, 'version': 0, 'definition': definition(), 'ceilings': {},
        'dates': [], 'full': flags.FULL_REFRESH or not is_incremental()
    } -%}
    {%- if not execute -%}
        {%- do return(plan) -%}
    {%- endif -%}
    {%- set found = run_query(pending_changes(plan)) -%}
    {%- set redefined = [] -%}
    {%- set known = [] -%}
    {%- set changed = {} -%}
    {%- set affected = {} -%}
    {%- for row in found.rows -%}
        {%- if row[0] == 'version' -%}
            {%- do known.append(row[1]) -%}
            {%- do plan.update({'version': row[3] | int}) -%}
        {%- elif row[0] == 'ceiling' -%}
            {%- do plan['ceilings'].update({row[1]: row[3] | int}) -%}
        {%- else -%}
            {%- do changed.setdefault(row[1], []).append(row[2] | string) -%}
            {%- if row[0] == 'redefined' -%}{%- do redefined.append(row[2]) -%}{%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if not known -%}
        {%- do exceptions.raise_compiler_error(
            "ops.model_builds has no row for " ~ model.name ~ ": add one in a migration") -%}
    {%- endif -%}
    {%- for driver in drivers -%}
        {%- for date in changed.get(driver['dataset'], []) -%}
            {%- for spilled in spilled_dates(date, driver['spill_days']) -%}
                {%- do affected.update({spilled: true}) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do plan.update({'dates': affected | sort}) -%}
    {%- if redefined -%}
        {%- do log(model.name ~ ": its definition or a variable changed, " ~ redefined | unique | list | length
            ~ " dates are built again", info=true) -%}
    {%- endif -%}
    {%- do return(plan) -%}
{%- endmacro %}

{# SELECT kind, dataset, date, change_id: pending | redefined (one per dataset and date), ceiling (one per dataset), version. #}
{% macro pending_changes(plan) -%}
    WITH changes AS (
        {{ driving_changes(plan['drivers']) }}
    ),

    built AS (
        SELECT
            dataset,
            date,
            change_id,
            definition
        FROM {{ source('ops', 'model_dates') }}
        WHERE model = '{{ plan["model"] }}'
    )

    SELECT
        IFF(built.definition != '{{ plan["definition"] }}', 'redefined', 'pending') AS kind,
        changes.dataset,
        changes.date,
        changes.change_id
    FROM changes
    LEFT JOIN built
        ON
            changes.dataset = built.dataset
            AND changes.date = built.date
    WHERE {{ is_pending(plan) }}

    UNION ALL

    SELECT
        'ceiling' AS kind,
        dataset,
        NULL AS date,
        MAX(change_id) AS change_id
    FROM changes
    GROUP BY dataset

    UNION ALL

    SELECT
        'version' AS kind,
        model AS dataset,
        NULL AS date,
        version AS change_id
    FROM {{ source('ops', 'model_builds') }}
    WHERE model = '{{ plan["model"] }}'
{%- endmacro %}

{# TRUE for a row of `changes`, joined to its watermark `built`, that the build has to do. #}
{% macro is_pending(plan) -%}
    {%- if plan['full'] -%}
    TRUE
    {%- else -%}
    (
        built.change_id IS NULL
        OR changes.change_id > built.change_id
        OR built.definition != '{{ plan["definition"] }}'
    )
    {%- endif -%}
{%- endmacro %}

{# SELECT dataset, date, change_id: the newest change of each date of the drivers' datasets; with ceilings, none above them. #}
{% macro driving_changes(drivers, ceilings=none) -%}
    {%- for driver in drivers %}
    {%- if not loop.first %}
    UNION ALL
    {%- endif %}
    SELECT
        dataset,
        date,
        MAX(change_id) AS change_id
    FROM {{ source('ops', 'derived_changes' if driver['derived'] else 'date_changes') }}
    WHERE
        dataset = '{{ driver["dataset"] }}'
        {%- if ceilings is not none %}
        AND change_id <= {{ ceilings.get(driver['dataset'], 0) }}
        {%- endif %}
    GROUP BY dataset, date
    {%- endfor %}
{%- endmacro %}

{# The dates that a change of `date` rebuilds, as text: itself and spill_days before it (negative: after it). #}
{% macro spilled_dates(date, spill_days) -%}
    {%- set day = modules.datetime.date.fromisoformat(date) -%}
    {%- set dates = [] -%}
    {%- for offset in range(0, (spill_days | abs) + 1) -%}
        {%- set shift = modules.datetime.timedelta(days=offset) -%}
        {%- do dates.append((day - shift if spill_days > 0 else day + shift) | string) -%}
    {%- endfor -%}
    {%- do return(dates) -%}
{%- endmacro %}

{# A driver of `build`. #}
{% macro driver(dataset, derived=false, spill_days=0) -%}
    {%- do return({'dataset': dataset, 'derived': derived, 'spill_days': spill_days}) -%}
{%- endmacro %}

{# The build as a comment in the model's SQL, for the strategy and for whoever reads the query history. #}
{% macro build_note(plan) -%}
    /* build {{ tojson({
        'model': plan['model'], 'drivers': plan['drivers'], 'version': plan['version'], 'definition': plan['definition'],
        'ceilings': plan['ceilings'], 'full': plan['full'], 'dates': plan['dates'] | length
    }, sort_keys=true) }} */
{%- endmacro %}
