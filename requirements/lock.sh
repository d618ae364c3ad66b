#!/bin/sh
# Writes the lock files anew: exact versions with hashes, for every supported Python and platform, and no address.
# Needs `uv`, which the development environment has. Options go to uv: `requirements/lock.sh --upgrade`.
set -eu
cd "$(dirname "$0")/.."
lock() {
    target=$1
    shift
    uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
        "$@" --output-file "requirements/$target.lock"
}
lock run "$@" pyproject.toml
lock test "$@" pyproject.toml --group test
lock fuzz "$@" pyproject.toml --group fuzz
lock browser "$@" pyproject.toml --group test --group browser
lock interop "$@" pyproject.toml --group test --group mcp
lock lint "$@" --group lint
lock typing "$@" pyproject.toml --group test --group browser --group mcp --group fuzz --group typing
lock dev "$@" pyproject.toml --group dev
