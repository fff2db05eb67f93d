#!/bin/sh
# Make the locked environment in .venv and fetch Spark's jars once. Quick when nothing is left to do; then it needs no network.
# PYTHON names the interpreter to use (3.11 or 3.12).
set -eu
cd "$(dirname "$0")/.."

fits='import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 12))'
wanted="$(cksum < requirements.lock)"

if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c "$fits" 2>/dev/null; then
    python=""
    for candidate in ${PYTHON:-python3.11 python3.12 python3 python}; do
        if "$candidate" -c "$fits" >/dev/null 2>&1; then python="$candidate"; break; fi
    done
    if [ -z "$python" ]; then
        found="$(${PYTHON:-python3} --version 2>&1 || true)"
        echo "This project needs Python 3.11 or 3.12 (found: ${found:-none}); install one, or name it: make PYTHON=/path/to/python3.11 …" >&2
        exit 1
    fi
    rm -rf .venv
    "$python" -m venv .venv
fi

if [ "$(cat .venv/locked 2>/dev/null || true)" != "$wanted" ]; then
    echo "Installing the locked environment into .venv (once; a few minutes) …"
    # The lock is complete and pinned by hash, so nothing is left for pip to resolve.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
    echo "$wanted" > .venv/locked
fi

.venv/bin/python -m spark_ingest setup
