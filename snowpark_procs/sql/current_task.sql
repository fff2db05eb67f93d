-- NULL outside a task.
SELECT SYSTEM$CURRENT_USER_TASK_NAME() AS task_name
