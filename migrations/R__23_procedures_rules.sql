{% import 'modules/snowpark_procs/bundle.jinja' as bundle -%}
-- What an operator may change of the quality rules.
CREATE OR REPLACE PROCEDURE ops.set_rule(dataset STRING, code STRING, enabled BOOLEAN)
    {{ bundle.python() }}
    HANDLER = 'set_rule'
    COMMENT = 'Switches a quality rule on or off: CALL ops.set_rule(''events'', ''missing_user_id'', FALSE); then CALL ops.reflag()'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue('operations') }}
from snowpark_procs.rule_changes import set_rule
$$;

CREATE OR REPLACE PROCEDURE ops.set_threshold(name STRING, value NUMBER(18, 6))
    {{ bundle.python() }}
    HANDLER = 'set_threshold'
    COMMENT = 'Gives a threshold of the quality rules another value: CALL ops.set_threshold(''bot_repeats'', 300); then CALL ops.reflag()'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue('operations') }}
from snowpark_procs.rule_changes import set_threshold
$$;
