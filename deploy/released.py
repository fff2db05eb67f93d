"""Refuse edited V scripts: `python -m deploy.released`. schemachange reports that an applied script has changed, and goes on.

deploy/released.json holds a hash of each script as rendered with the variables that it was released with: what counts is what
environments have applied, not how the file says it. `--add` lists new scripts (at a release); a listed one keeps its hash.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

from deploy.rendering import ROOT, render


def edited_scripts(root: Path = ROOT) -> tuple[list[str], list[str]]:
    """Return what is wrong with listed scripts, and the names of the V scripts that are not listed."""
    released = json.loads((root / "deploy" / "released.json").read_text(encoding="utf-8"))
    present = hashes(root, released["variables"])
    wrong = []
    for name, expected in released["scripts"].items():
        if name not in present:
            wrong.append(f"{name} is gone: environments have applied it")
        elif present[name] != expected:
            wrong.append(f"{name} is edited: environments have applied it as it was; write a new V script")
    return wrong, sorted(set(present) - set(released["scripts"]))


def hashes(root: Path, variables: dict[str, str]) -> dict[str, str]:
    """Return the SHA-256 of every V script as schemachange renders it."""
    return {
        path.name: hashlib.sha256(render(path.name, variables, root).encode()).hexdigest()
        for path in sorted((root / "migrations").glob("V*.sql"))
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.released", description=__doc__)
    parser.add_argument("--add", action="store_true", help="list the scripts that are new")
    arguments = parser.parse_args()
    wrong, new = edited_scripts()
    for line in wrong:
        print(line, file=sys.stderr)
    if arguments.add and new and not wrong:
        file = ROOT / "deploy" / "released.json"
        released = json.loads(file.read_text(encoding="utf-8"))
        now = hashes(ROOT, released["variables"])
        released["scripts"] |= {name: now[name] for name in new}
        file.write_text(json.dumps(released, indent=2) + "\n", encoding="utf-8")
    elif new:
        print(f"not released yet: {', '.join(new)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
