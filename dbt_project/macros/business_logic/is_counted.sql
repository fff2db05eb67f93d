{# TRUE for a row that the business counts: valid and, unless the variables include_bots and include_test_users say so, neither a bot's
   nor a test user's. `row` is the row's alias; has_agent is FALSE for transactions, which name no agent. #}
{% macro is_counted(row, has_agent=true) -%}
    {{ row }}.is_valid
    {%- if has_agent and not var('include_bots') %}
    AND NOT COALESCE({{ row }}.is_bot_traffic, FALSE)
    {%- endif %}
    {%- if not var('include_test_users') %}
    AND NOT COALESCE({{ row }}.is_test_user, FALSE)
    {%- endif %}
{%- endmacro %}
