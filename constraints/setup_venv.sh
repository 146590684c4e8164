#!/usr/bin/env bash
# Makes an environment: chooses the platform (an interpreter and the set of versions that runs on it),
# installs the pinned set and the project.
# Usage: constraints/setup_venv.sh [VENV]
#   LIFELONG_PLATFORM   current or older: this one, brought along where the machine lacks it
#   LIFELONG_PYTHON     the interpreter to use
# Writes the platform's name to VENV/.platform. Exit status 69: the platform cannot be had here.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}
uv_version=0.13.9
wanted=${LIFELONG_PLATFORM:-}

case $wanted in
    "" | current | older) ;;
    *)
        echo "LIFELONG_PLATFORM is '$wanted'; it is current (TFX 1.21) or older (TFX 1.16)" >&2
        exit 2
        ;;
esac

[ "$(uname -sm)" = "Linux x86_64" ] || {
    echo "set-up: the pinned lists are of Linux on x86-64, and this is $(uname -sm)" >&2
    exit 69
}

list_of() {
    case $1 in
        current) echo constraints/tfx-1.21.txt ;;
        older) echo constraints/tfx-1.16.txt ;;
    esac
}

# What an interpreter says of itself: version, version of glibc (0 where there is none), path. A shim of
# pyenv is on PATH for versions that are not active, too: only running it tells. The path is the real
# one, not a link in an environment that is active, which may be the one to be made anew.
ask() {
    [ -n "$1" ] && "$1" -c '
import os, sys
try:
    library, version = os.confstr("CS_GNU_LIBC_VERSION").split()
except (AttributeError, OSError, ValueError):
    version = "0.0"
print("%d.%d" % sys.version_info[:2], version, os.path.realpath(sys.executable))' 2>/dev/null
}

candidates() {
    if [ -n "${LIFELONG_PYTHON:-}" ]; then
        echo "$LIFELONG_PYTHON"
        return
    fi
    local version
    for version in 3.13 3.12 3.11 3.10; do
        command -v "python$version" || true
        ls -d "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/"python$version" 2>/dev/null || true
        uv python find "$version" 2>/dev/null || true
    done
    command -v python3 || true
}

fits() {  # platform, version of Python, version of glibc
    case $1:$2 in
        current:3.11 | current:3.12 | current:3.13)
            # The wheels of TensorFlow Data Validation and ML Metadata ask for 2.39.
            [ "${3%%.*}" -gt 2 ] || { [ "${3%%.*}" = 2 ] && [ "${3#*.}" -ge 39 ]; }
            ;;
        older:3.10) [ "$3" != 0.0 ] ;;
        *) false ;;
    esac
}

choose() {  # prints platform, version, glibc and path of the first interpreter that fits
    local platform version glibc path
    for platform in ${wanted:-current older}; do
        while read -r version glibc path; do
            if fits "$platform" "$version" "$glibc"; then
                echo "$platform $version $glibc $path"
                return
            fi
        done <<< "$found"
    done
    return 1
}

bring() {  # prints as choose does, for the first platform that can be brought along
    local platform path answer
    for platform in ${wanted:-current older}; do
        case $platform in
            current) path=$(constraints/debian_13_python.sh) || continue ;;
            # A uv that may download interpreters brings its own.
            older) uv python install -q 3.10 > /dev/null 2>&1 && path=$(uv python find 3.10) || continue ;;
        esac
        answer=$(ask "$path") && echo "$platform $answer" && return
    done
    return 1
}

found=$(candidates | awk '!seen[$0]++' | while read -r candidate; do ask "$candidate" || true; done)
if chosen=$(choose); then
    case $wanted:$chosen in
        :older*) why="no Python 3.11 to 3.13 on glibc 2.39 or newer was found" ;;
        *) why="the machine can run it" ;;
    esac
elif [ -z "${LIFELONG_PYTHON:-}" ] && chosen=$(bring); then
    why="the machine has no interpreter for ${wanted:-either platform}, so this one was brought along"
else
    {
        echo "lifelong runs on one of two platforms, and there is no interpreter for ${wanted:-either}:"
        echo "    current   Python 3.11, 3.12 or 3.13 on glibc 2.39 or newer (Debian 13, Ubuntu 24.04)"
        echo "    older     Python 3.10 on an older Linux (Debian 12, RHEL 9)"
        echo "${LIFELONG_PYTHON:-PATH, the versions of pyenv, and uv} gave (Python, glibc, path):"
        echo "${found:-nothing that runs}" | sed 's/^/    /'
        echo "Install one, for example: apt-get install python3.13-venv python3.13-dev (Debian 13),"
        echo "pyenv install 3.10, or uv python install 3.10; or name one: make LIFELONG_PYTHON=PATH run"
    } >&2
    exit 69
fi
[ -z "$wanted" ] || why="$why; LIFELONG_PLATFORM asks for it"
[ -z "${LIFELONG_PYTHON:-}" ] || why="LIFELONG_PYTHON names the interpreter"
read -r platform version glibc python <<< "$chosen"
list=$(list_of "$platform")

started=$SECONDS
echo "set-up: the $platform platform ($(sed -n 's/^tfx==/TFX /p' "$list"), Python $version, glibc $glibc): $why"
echo "set-up: $python -> $venv"
rm -rf "$venv"
"$python" -m venv "$venv" || {
    echo "set-up: $python cannot make a virtual environment; on Debian: apt-get install python$version-venv" >&2
    exit 1
}
# --no-deps: the list is complete, so nothing needs to be resolved and nothing can drift.
if "$venv/bin/python" -m pip install -q --disable-pip-version-check "uv==$uv_version" 2>"$venv/uv.log"; then
    # Bytecode at once, as pip makes it: where PYTHONDONTWRITEBYTECODE is set, each process that
    # imports TFX would else compile it anew.
    install=("$venv/bin/uv" pip install -q --compile-bytecode --python "$venv/bin/python")
else
    echo "set-up: uv cannot be had, going on with pip (slower)"
    install=("$venv/bin/python" -m pip install -q --disable-pip-version-check)
fi
# The one package that is built here comes first, for it is the one that the machine can fail.
"${install[@]}" --no-deps $(grep '^pyfarmhash==' "$list") 2>"$venv/build.log" || {
    cat "$venv/build.log" >&2
    header=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h
    command -v g++ > /dev/null ||
        echo "set-up: pyfarmhash is compiled here, and there is no g++; on Debian: apt-get install g++" >&2
    [ -f "$header" ] ||
        echo "set-up: pyfarmhash is compiled here, and there is no $header; on Debian: apt-get install python$version-dev" >&2
    exit 1
}
"${install[@]}" --no-deps -r "$list"
"${install[@]}" --no-deps --no-build-isolation -e .
echo "$platform" > "$venv/.platform"
echo "set-up: $(ls -d "$venv"/lib/python*/site-packages/*.dist-info | wc -l) packages in $((SECONDS - started)) s"
# ldconfig is not on every user's PATH.
PATH=$PATH:/usr/sbin:/sbin ldconfig -p 2>/dev/null | grep -q libgomp.so.1 ||
    echo "set-up: without OpenMP \`lifelong compare\` cannot train trees; on Debian: apt-get install libgomp1" >&2
