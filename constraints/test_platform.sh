#!/usr/bin/env bash
# Runs pytest on a platform. Where that cannot be had, one line says so, and it is no failure.
# Usage: constraints/test_platform.sh current|older|other [ARGUMENTS OF PYTEST]
set -euo pipefail
cd "$(dirname "$0")/.."
platform=$1
shift
venv=$(constraints/platform_venv.sh "$platform") || {
    status=$?
    [ "$status" = 69 ] || exit "$status"
    echo "SKIPPED: the tests on the $platform platform, for it cannot be had here; above is why"
    exit 0
}
echo "tests on the $(cat "$venv/.platform") platform ($venv)"
# For tests of what one platform writes and the other reads.
[ "$venv" = .venv ] || export LIFELONG_OTHER_PYTHON=$PWD/.venv/bin/python
exec "$venv/bin/python" -m pytest -n "${WORKERS:-2}" --dist loadfile --no-loadscope-reorder "$@"
