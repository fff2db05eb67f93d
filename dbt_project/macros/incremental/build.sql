{# What a build of an incremental model has to do, as a dictionary:

   drivers      [{dataset, derived, spill_days}] as given: whose changes rebuild which dates. derived: FALSE for ops.date_changes (what
                flagging changed in STAGING), TRUE for ops.derived_changes (what another model changed). spill_days: a change
                of date X also rebuilds that many dates before X, negative: after X.
   version      the model's version in ops.model_builds when the pending changes were read
   definition   hash of the model, what it is made of, and the variables
   ceilings     dataset -> newest change_id that was there then; later ones are left to the next run
   dates        dates of the model that have to be built, sorted, as text
   full         TRUE: all there is (--full-refresh, or the table is new)

   A date of a dataset is pending when its newest change is above the model's watermark for the dataset (ops.model_builds): change_ids
   rise in the order of commits, and each build takes all that is pending. With another definition, all dates are. The
   model puts `build_note(build)` into its SQL: the incremental strategy reads it there. #}
{% macro build(drivers) -%}
    {%- set plan = {
        'model': model.name, 'drivers': drivers, 'version': 0, 'definition': definition(), 'ceilings': {},
        'dates': [], 'full': flags.FULL_REFRESH or not is_incremental()
    } -%}
    {%- if not execute -%}
        {%- do return(plan) -%}
    {%- endif -%}
    {%- set known = run_query(last_build(plan['model'])).rows -%}
    {%- if not known | length -%}
        {%- do exceptions.raise_compiler_error(
            "ops.model_builds has no row for " ~ model.name ~ ": add one in a migration") -%}
    {%- endif -%}
    {%- set version, built_definition, built_watermarks = known[0] -%}
    {%- set built = fromjson(built_watermarks or '{}') -%}
    {%- set same = not plan['full'] and built_definition == plan['definition'] -%}
    {%- do plan.update({'version': version | int}) -%}
    {%- for driver in drivers -%}
        {%- do plan['ceilings'].update({driver['dataset']: built.get(driver['dataset'], 0)}) -%}
    {%- endfor -%}
    {%- set changed = {} -%}
    {%- set redefined = {} -%}
    {%- for dataset, date, change_id in run_query(driving_changes(drivers, plan['ceilings'] if same else none)).rows -%}
        {%- do changed.setdefault(dataset, []).append(date | string) -%}
        {%- if built_definition and not plan['full'] and change_id <= built.get(dataset, 0) -%}
            {%- do redefined.update({date: true}) -%}
        {%- endif -%}
        {%- do plan['ceilings'].update({dataset: [plan['ceilings'][dataset], change_id | int] | max}) -%}
    {%- endfor -%}
    {%- set affected = {} -%}
    {%- for driver in drivers -%}
        {%- for date in changed.get(driver['dataset'], []) -%}
            {%- for spilled in spilled_dates(date, driver['spill_days']) -%}
                {%- do affected.update({spilled: true}) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do plan.update({'dates': affected | sort}) -%}
    {%- if redefined -%}
        {%- do log(model.name ~ ": its definition or a variable changed, " ~ redefined | length
            ~ " dates are built again", info=true) -%}
    {%- endif -%}
    {%- do return(plan) -%}
{%- endmacro %}

{# SELECT version, definition, watermarks (JSON text): what the model contains. #}
{% macro last_build(model_name) -%}
    SELECT
        version,
        definition,
        TO_JSON(watermarks) AS watermarks
    FROM {{ source('ops', 'model_builds') }}
    WHERE model = '{{ model_name }}'
{%- endmacro %}

{# SELECT dataset, date, change_id: the newest change of each date of the drivers' datasets; those above the watermarks alone, if given. #}
{% macro driving_changes(drivers, watermarks=none) -%}
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
        {%- if watermarks is not none %}
        AND change_id > {{ watermarks[driver['dataset']] }}
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

{# The build as a comment in the model's SQL, for the strategy and for whoever reads the query history. reach: the ranges of dates in
   which rows that replace_keys replaces can lie, for such a model. #}
{% macro build_note(plan, reach=none) -%}
    /* build {{ tojson({
        'model': plan['model'], 'version': plan['version'], 'definition': plan['definition'],
        'ceilings': plan['ceilings'], 'full': plan['full'], 'dates': date_runs(plan['dates']), 'reach': reach
    }, sort_keys=true) }} */
{%- endmacro %}

{# The build that a model's SQL carries (see build_note); its dates are runs: [[first, last]]. #}
{% macro build_of(compiled_code) -%}
    {%- set found = modules.re.search('/\\* build (\\{.*?\\}) \\*/', compiled_code) -%}
    {%- if not found -%}
        {%- do exceptions.raise_compiler_error(model.name ~ ": its SQL lacks build_note(build)") -%}
    {%- endif -%}
    {%- do return(fromjson(found.group(1))) -%}
{%- endmacro %}
