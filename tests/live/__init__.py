"""Tests of what the deployment takes for granted of Snowflake. They know SQL only, and run on the stand-in or on an account."""
