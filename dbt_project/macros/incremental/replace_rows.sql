{# Incremental strategy `replace_dates`: replaces all rows of the dates that the build has to produce. The model's query returns
   them; a date that has become empty has none there, and loses its rows all the same. #}
{% macro get_incremental_replace_dates_sql(arg_dict) -%}
    {%- set plan = build_of(model.compiled_code) -%}
    {%- do return(replace_rows(arg_dict, plan, in_ranges(plan['dates'], 'date'))) -%}
{%- endmacro %}

{# Incremental strategy `replace_keys`: replaces all rows of the keys (the model's unique_key, never NULL) that the model's query
   returns. They lie within the build's reach. For a key that has become empty the query returns one row with the key alone: a
   tombstone (created_at IS NULL). #}
{% macro get_incremental_replace_keys_sql(arg_dict) -%}
    {%- set plan = build_of(model.compiled_code) -%}
    {%- set keys = arg_dict['unique_key'] | join(', ') -%}
    {%- set replaced -%}
        {{ in_ranges(date_ranges(plan['reach']), 'date') }}
        AND ({{ keys }}) IN (SELECT {{ keys }} FROM {{ arg_dict['temp_relation'] }})
    {%- endset -%}
    {%- do return(replace_rows(arg_dict, plan, replaced)) -%}
{%- endmacro %}

{# The DML of both, in one transaction. `replaced` is TRUE for the rows that go.

   dbt has put the query's result into a temporary table. Take the model's row in ops.model_builds, if its version is the one that the
   build started from (another build that came first makes all that follows do nothing; what it left is pending still), and
   move the watermarks there; write to ops.derived_changes which dates really changed, if other models are built upon this one
   (config meta.publishes); keep ops.user_totals (meta.keeps_user_totals); replace the rows,
   sorted as the table is clustered, so that a date's rows lie together at once. A change that was committed
   after the build read what is pending is above its ceilings: it stays pending. With nothing pending, nothing is written. #}
{% macro replace_rows(arg_dict, plan, replaced) -%}
    {%- if not plan['dates'] -%}
        {%- do return('SELECT 0 AS pending_dates') -%}
    {%- endif -%}
    {%- set target = arg_dict['target_relation'] -%}
    {%- set fresh = arg_dict['temp_relation'] -%}
    {%- set names = arg_dict['dest_columns'] | map(attribute='name') | list -%}
    {%- set columns = get_quoted_csv(names) -%}
    {%- set published = config.get('meta', {}).get('publishes') -%}
    {%- set ours -%}
    EXISTS (
        SELECT 1
        FROM {{ source('ops', 'model_builds') }} AS builds
        WHERE
            builds.model = '{{ model.name }}'
            AND builds.version = {{ plan['version'] + 1 }}
            AND builds.built_by = '{{ invocation_id }}'
    )
    {%- endset -%}
    {%- set dml -%}
    UPDATE {{ source('ops', 'model_builds') }}
    SET
        version = version + 1,
        definition = '{{ plan["definition"] }}',
        watermarks = PARSE_JSON('{{ tojson(plan["ceilings"], sort_keys=true) }}'),
        built_by = '{{ invocation_id }}',
        built_at = {{ built_at() }}
    WHERE
        model = '{{ model.name }}'
        AND version = {{ plan['version'] }};

    {% if published -%}
    {%- set content = [] -%}
    {%- for name in names if name | lower not in ('created_at', 'change_id') -%}
        {%- do content.append(adapter.quote(name)) -%}
    {%- endfor -%}
    {%- set content = content | join(', ') -%}
    INSERT INTO {{ source('ops', 'derived_changes') }} (change_id, dataset, date, changed_at)
    WITH old_rows AS (
        SELECT {{ content }}
        FROM {{ target }}
        WHERE {{ replaced }}
    ),

    new_rows AS (
        SELECT {{ content }}
        FROM {{ fresh }}
        WHERE created_at IS NOT NULL
    ),

    differing AS (
        (
            SELECT * FROM old_rows
            MINUS
            SELECT * FROM new_rows
        )
        UNION ALL
        (
            SELECT * FROM new_rows
            MINUS
            SELECT * FROM old_rows
        )
    )

    SELECT
        newest.change_id + 1 AS change_id,
        '{{ published }}' AS dataset,
        dates.date,
        {{ built_at() }} AS changed_at
    FROM (SELECT DISTINCT date FROM differing) AS dates
    CROSS JOIN (
        SELECT COALESCE(MAX(change_id), 0) AS change_id
        FROM {{ source('ops', 'derived_changes') }}
        WHERE dataset = '{{ published }}'
    ) AS newest
    WHERE {{ ours }};

    {% endif -%}
    {% if config.get('meta', {}).get('keeps_user_totals') -%}
    {{ keep_user_totals(plan, target, fresh, replaced, ours) }};

    {% endif -%}
    DELETE FROM {{ target }}
    WHERE
        {{ replaced }}
        AND {{ ours }};

    INSERT INTO {{ target }} ({{ columns }})
    SELECT {{ columns }}
    FROM {{ fresh }}
    WHERE
        created_at IS NOT NULL
        AND {{ ours }}
    ORDER BY {{ config.get('cluster_by') | join(', ') }}
    {%- endset -%}
    {%- do return(snowflake_dml_explicit_transaction(dml)) -%}
{%- endmacro %}
