{# Hash of what decides a model's numbers: its code and that of all models that it is made of and that are no
   tables with watermarks of their own, the macros of business logic as they render, and the variables. #}
{% macro definition() -%}
    {%- set parts = [model.raw_code] -%}
    {%- if execute -%}
        {%- set open = model.depends_on.nodes | list -%}
        {%- set seen = {} -%}
        {#- Appended to while it is read, so that the views' own models follow. -#}
        {%- for name in open -%}
            {%- set node = graph.nodes.get(name) -%}
            {%- if node and name not in seen -%}
                {%- do seen.update({name: node.raw_code}) -%}
                {%- if node.config.materialized == 'view' -%}
                    {%- do open.extend(node.depends_on.nodes) -%}
                {%- endif -%}
            {%- endif -%}
        {%- endfor -%}
        {%- for name in seen | sort -%}
            {%- do parts.append(seen[name]) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- do parts.append(ratio('a', 'b', 2) ~ average('a', 'b') ~ purchase_amount('a') ~ is_counted('a')
        ~ is_left_out('a', has_agent=false) ~ microseconds('a', 'b')) -%}
    {%- do parts.append(expected_active_dates('a') ~ order_id('a') ~ purchased_units('a') ~ compared_identifier('a') ~ cancelled_statuses() ~ var('view_idle_minutes')) -%}
    {%- do return(local_md5(parts | join('\n'))) -%}
{%- endmacro %}
