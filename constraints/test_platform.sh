#!/usr/bin/env bash
# Tests on a platform, in an environment of its own where that of the project (.venv) is another's.
# What is skipped for want of an interpreter says so in one line, and is no failure.
# Usage: constraints/test_platform.sh current|older|other [ARGUMENTS OF PYTEST]
set -euo pipefail
cd "$(dirname "$0")/.."
own=$(cat .venv/.platform)
case $1 in
    other) [ "$own" = current ] && platform=older || platform=current ;;
    current | older) platform=$1 ;;
    *)
        echo "usage: $0 current|older|other [ARGUMENTS OF PYTEST]" >&2
        exit 2
        ;;
esac
shift
venv=.venv-$platform
[ "$platform" != "$own" ] || venv=.venv
if [ "$venv" != .venv ]; then
    stale=$(find constraints pyproject.toml setup.py -newer "$venv/.platform" 2>&1 || true)
    if [ -n "$stale" ]; then
        LIFELONG_PLATFORM=$platform LIFELONG_PYTHON= constraints/setup_venv.sh "$venv" || {
            status=$?
            [ "$status" = 69 ] || exit "$status"
            echo "tests on the $platform platform: SKIPPED, for it cannot be had on this machine (see above)"
            exit 0
        }
    fi
    export LIFELONG_OTHER_PYTHON=$PWD/.venv/bin/python
fi
echo "tests on the $platform platform ($venv)"
exec "$venv/bin/python" -m pytest -n "${WORKERS:-2}" --dist loadfile --no-loadscope-reorder "$@"
