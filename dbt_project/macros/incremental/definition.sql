{# Hash of what decides a model's numbers: its code and that of the views that it is made of, and of the business logic that this code
   names what it renders to, variables and all. Tables with watermarks of their own tell what changed in them instead. #}
{% macro definition() -%}
    {%- set parts = [model.raw_code] -%}
    {%- if execute -%}
        {%- set open = model.depends_on.nodes | list -%}
        {%- set seen = {} -%}
        {#- Appended to while it is read, so that the views' own models follow. -#}
        {%- for name in open -%}
            {%- set node = graph.nodes.get(name) -%}
            {%- if node and name not in seen and node.config.materialized == 'view' -%}
                {%- do seen.update({name: node.raw_code}) -%}
                {%- do open.extend(node.depends_on.nodes) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- for name in seen | sort -%}
            {%- do parts.append(seen[name]) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set code = parts | join('\n') -%}
    {%- set business_logic = {
        'average(': average('a', 'b', 2),
        'calculate_customer_lifetime_value(': calculate_customer_lifetime_value('a', 'b', 'c'),
        'cancelled_statuses(': cancelled_statuses(),
        'compared_identifier(': compared_identifier('a'),
        'expected_active_dates(': expected_active_dates('a'),
        'is_counted(': is_counted('a'),
        'is_left_out(': is_left_out('a') ~ is_left_out('a', has_agent=false),
        'microseconds(': microseconds('a', 'b'),
        'order_id(': order_id('a'),
        'purchase_amount(': purchase_amount('a'),
        'purchased_units(': purchased_units('a'),
        'ratio(': ratio('a', 'b', 2),
        "var('view_idle_minutes')": var('view_idle_minutes'),
    } -%}
    {%- for name, rendered in business_logic.items() if name in code -%}
        {%- do parts.append(rendered) -%}
    {%- endfor -%}
    {%- do return(local_md5(parts | join('\n'))) -%}
{%- endmacro %}
