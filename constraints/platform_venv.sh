#!/usr/bin/env bash
# Prints the environment of a platform: the project's own (.venv), or one beside it, which is made or
# renewed as needed. Exit status 69: the platform cannot be had here.
# Usage: constraints/platform_venv.sh current|older|other      other: the one that .venv is not of
set -euo pipefail
cd "$(dirname "$0")/.."
own=$(cat .venv/.platform)
platform=$1
if [ "$platform" = other ]; then
    [ "$own" = current ] && platform=older || platform=current
fi
if [ "$platform" = "$own" ]; then
    echo .venv
    exit
fi
venv=.venv-$platform
# What cannot be compared is not there yet.
if [ -n "$(find constraints pyproject.toml setup.py -newer "$venv/.platform" 2>&1)" ]; then
    LIFELONG_PLATFORM=$platform LIFELONG_PYTHON= constraints/setup_venv.sh "$venv" >&2
fi
echo "$venv"
