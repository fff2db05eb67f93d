-- message, configuration: literals.
CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION(&{message}, &{configuration})
