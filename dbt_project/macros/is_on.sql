{# Whether a variable is true. A text is refused: 'false', which an environment variable would give, is true to Jinja. #}
{% macro is_on(name) -%}
    {%- if var(name) is not boolean -%}
        {%- do exceptions.raise_compiler_error('the variable ' ~ name ~ ' is neither true nor false') -%}
    {%- endif -%}
    {%- do return(var(name)) -%}
{%- endmacro %}
