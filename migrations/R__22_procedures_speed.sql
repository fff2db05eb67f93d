{% import 'modules/snowpark_procs/bundle.jinja' as bundle -%}
-- recon.extract_speed_layer takes the speed layer's snapshots from inside Snowflake. It is there where the variable speed_integration names an
-- external access integration (docs/warehouse.md); elsewhere `python -m reconcile extract` does the same from outside.
{% if speed_integration %}
-- PUT is not for external stages: a file passes through here and is gone again.
CREATE STAGE IF NOT EXISTS recon.outgoing COMMENT = 'Files on their way to the landing';

CREATE OR REPLACE PROCEDURE recon.extract_speed_layer(date DATE)
    {{ bundle.python(", 'pyarrow'") }}
    HANDLER = 'extract'
    EXTERNAL_ACCESS_INTEGRATIONS = ({{ speed_integration }})
    SECRETS = ('speed_layer' = {{ speed_secret }})
    COMMENT = 'Snapshots one UTC day of the speed layer. CALL recon.extract_speed_layer(''2024-01-15'')'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue('landing', 'speed_layer', 'extracting') }}
from snowflake.snowpark import secrets

from snowpark_procs.extract_speed_layer import extract_speed_layer

SETTINGS = {
    "url": {{ speed_url | tojson }},
    "table": {{ speed_table | tojson }},
    "columns": {{ speed_columns | tojson }},
    "keep_days": {{ speed_keep_days }},
}


def extract(session, date):
    login = secrets.get_username_password("speed_layer")
    return extract_speed_layer(session, SETTINGS, login.username, login.password, date)
$$;

GRANT USAGE ON PROCEDURE recon.extract_speed_layer(DATE) TO ROLE {{ role_prefix }}reconciler;
{% else %}
DROP PROCEDURE IF EXISTS recon.extract_speed_layer(DATE);
{% endif %}
