{# Rows that break a business rule although their quality flags call them clean: one row per violation, with the name of
   the rule. Rules are owned by ops.flag_quality (ops.quality_rules), which flags what breaks them and drops nothing; so what is
   tested here is not the data but that no row which breaks a rule passes unflagged. #}
{% macro test_business_rules() -%}
    {%- set tiers = ["bronze", "silver", "gold", "platinum", "unknown"] -%}
    {%- set rules = {
        'known_user_tier': "user_tier NOT IN ('" ~ tiers | join("', '") ~ "')",
        'reasonable_session_duration':
            'session_duration_minutes < 0
            OR session_duration_minutes > 60 * (SELECT max_session_hours FROM ops.session_limit)',
        'no_negative_spending': 'total_spent < 0',
        'session_ends_after_it_starts': 'session_end < session_start',
        'spending_needs_a_purchase': 'total_spent > 0 AND purchases = 0',
        'conversion_means_purchase': 'converted_to_purchase != (purchases > 0)',
    } -%}
    {%- for rule, violation in rules.items() %}
    SELECT
        '{{ rule }}' AS rule,
        session_id
    FROM {{ ref('stg_user_sessions_enhanced') }}
    WHERE
        ({{ violation }})
        AND is_valid
        AND ARRAY_SIZE(validation_warnings) = 0
    {%- if not loop.last %}
    UNION ALL
    {%- endif %}
    {%- endfor %}
{%- endmacro %}
