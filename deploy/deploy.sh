#!/usr/bin/env bash
# Deploy an environment from a checkout: edited V scripts, render, lint, dry run, deploy, verify, drift.
#
# Where to, and as whom: SNOWFLAKE_ACCOUNT, SNOWFLAKE_USER, SNOWFLAKE_ROLE (the owner's), SNOWFLAKE_DATABASE, SNOWFLAKE_WAREHOUSE,
# SNOWFLAKE_AUTHENTICATOR=snowflake_jwt and SNOWFLAKE_PRIVATE_KEY_FILE. Arguments are those of schemachange deploy (--vars …).
# Drift needs an administrator: DRIFT_USER and DRIFT_PRIVATE_KEY_FILE; without them it is left out.
# Another deployment into the same database is waited for (DEPLOY_WAIT_SECONDS). Any step that fails ends it with its code.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { echo "== $*" >&2; }

step "V scripts that environments have applied are as they were"
python -m deploy.released
step "render"
rendered=$(mktemp -d)
trap 'rm -rf "$rendered"' EXIT
python -m deploy.rendering "$rendered"
step "lint"
python -m tests.lint_sql migrations
step "dry run"
schemachange deploy --dry-run -L WARNING "$@"
step "deploy"
python -m deploy.apply "$@"
step "dbt project"
python -m deploy.dbt_object "$@"
step "verify"
python -m deploy.verify
if [ -n "${DRIFT_USER-}" ]; then
  step "drift"
  SNOWFLAKE_USER=$DRIFT_USER SNOWFLAKE_PRIVATE_KEY_FILE=${DRIFT_PRIVATE_KEY_FILE-} python -m deploy.drift
fi
