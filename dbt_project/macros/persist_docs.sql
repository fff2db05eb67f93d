{# Write the descriptions of a model and its columns as comments (config persist_docs). dbt's own macro writes those of a table at each
   run, by two statements that change it; here they are read first, and only what differs is written. A view has lost its comment each
   time, since dbt replaces it; those of its columns stand in CREATE VIEW.
   https://docs.getdbt.com/reference/resource-configs/persist_docs #}
{% macro snowflake__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- if for_relation and config.persist_relation_docs() and model.description
        and (relation.is_view or table_comment(relation) != comment_text(model.description)) -%}
        {%- do run_query(alter_relation_comment(relation, model.description)) -%}
    {%- endif -%}
    {%- if for_columns and config.persist_column_docs() and model.columns -%}
        {%- set differing = [] -%}
        {%- for row in run_query('DESCRIBE TABLE ' ~ relation.render()).rows -%}
            {%- set described = model.columns.get(row['name'] | lower) -%}
            {%- if described and (row['comment'] or '') != comment_text(described['description']) -%}
                {%- do differing.append(row['name']) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if differing -%}
            {%- do run_query(alter_column_comment(relation, model.columns)) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# The comment of a table as it is. #}
{% macro table_comment(relation) -%}
    {%- set found = [] -%}
    {%- set tables = "SHOW TABLES LIKE '" ~ relation.identifier ~ "' IN SCHEMA " ~ relation.without_identifier() -%}
    {%- for row in run_query(tables).rows if row['name'] == relation.identifier | upper -%}
        {%- do found.append(row['comment'] or '') -%}
    {%- endfor -%}
    {%- do return(found | join) -%}
{%- endmacro %}

{# A description as dbt writes it into a comment. #}
{% macro comment_text(description) -%}
    {%- do return(description | replace('$', '[$]')) -%}
{%- endmacro %}
