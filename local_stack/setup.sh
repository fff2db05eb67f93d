#!/bin/sh
# Make the environment in .venv and fetch Spark's jars once: setup.sh [laptop|test [--archive-classes]]. Quick when nothing is
# left to do; then it needs no network. PYTHON names the interpreter to use (3.11 or 3.12).
set -eu
cd "$(dirname "$0")/.."
wanted="${1:-laptop}"
archive="${2:-}"

fits='import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 12))'
version='import sys; print(sys.version_info[:2])'
if [ -n "${PYTHON:-}" ]; then set -- "$PYTHON"; else set -- python3.11 python3.12 python3 python; fi

# An environment stays while it runs, is whole (local_stack/install.py) and lies where it was made (its programs name the folder),
# unless PYTHON names another version that fits.
stays() {
    .venv/bin/python -c "$fits" && [ ! -e .venv/installing ] && [ "$(cat .venv/place)" = "$(pwd -P)" ] || return 1
    [ -z "${PYTHON:-}" ] || ! "$PYTHON" -c "$fits" || [ "$("$PYTHON" -c "$version")" = "$(.venv/bin/python -c "$version")" ]
}

if ! stays 2>/dev/null; then
    python=""
    for candidate in "$@"; do
        if "$candidate" -c "$fits" >/dev/null 2>&1; then python="$candidate"; break; fi
    done
    if [ -z "$python" ]; then
        found="$("$1" --version 2>&1 || true)"
        echo "This project needs Python 3.11 or 3.12 (found: ${found:-none}); install one, or name it: make PYTHON=/path/to/python3.11 …" >&2
        exit 1
    fi
    # A link leads to the environment of another checkout, which would be emptied.
    if [ -L .venv ]; then rm .venv; fi
    "$python" -m venv --clear --without-pip .venv
    pwd -P > .venv/place
fi

exec .venv/bin/python -m local_stack.install "$wanted" --jars ${archive:+"$archive"}
