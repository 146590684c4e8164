#!/usr/bin/env bash
# Resolves the list of the current platform anew, from the ranges of pyproject.toml: one list for its three Pythons,
# which a few markers tell apart. Versions that the list names stay where the ranges allow it; the
# list of the older one is not resolved any more.
# Usage: constraints/resolve.sh [--upgrade | --upgrade-package NAME]     needs uv
set -euo pipefail
cd "$(dirname "$0")/.."
list=constraints/tfx-1.21.txt
where="sys_platform == 'linux' and platform_machine == 'x86_64' and platform_python_implementation == 'CPython'"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$list" "$work/list.txt"
sed "s/^override-dependencies = /environments = [\"$where and python_version >= '3.11' and python_version < '3.14'\"]\n&/" \
    pyproject.toml > "$work/pyproject.toml"
extras=(pipeline server store experiments kubeflow journey dev)
(cd "$work" && uv pip compile -q pyproject.toml "${extras[@]/#/--extra=}" --universal \
    --python-version 3.11 --no-annotate --no-header -o list.txt "$@")
# What every line says is said here, once.
{
    sed -n '/^#/p' "$list"
    sed -E "s/ and platform_machine == 'x86_64' and platform_python_implementation == 'CPython' and sys_platform == 'linux'//
        s/ and implementation_name != 'PyPy'//; s/python_full_version < '3.14'//; s/ and *$//; s/ ; *$//" "$work/list.txt"
} > "$work/new.txt"
cp "$work/new.txt" "$list"
