{# TRUE for a row that the business counts: valid and not left out. `row` is the row's alias. #}
{% macro is_counted(row) -%}
    {{ row }}.is_valid
    AND NOT {{ is_left_out(row) }}
{%- endmacro %}

{# TRUE for a row that is a bot's or a test user's, unless the variables include_bots and include_test_users let them in. `row` is the row's
   alias; has_agent is FALSE for transactions, which name no agent. #}
{% macro is_left_out(row, has_agent=true) -%}
    {%- set flags = [] -%}
    {%- if has_agent and not is_on('include_bots') -%}
        {%- do flags.append(row ~ '.is_bot_traffic') -%}
    {%- endif -%}
    {%- if not is_on('include_test_users') -%}
        {%- do flags.append(row ~ '.is_test_user') -%}
    {%- endif -%}
    COALESCE({{ flags | join(' OR ') or 'FALSE' }}, FALSE)
{%- endmacro %}
