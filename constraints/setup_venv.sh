#!/usr/bin/env bash
# Makes .venv with Python 3.10 and installs the pinned set and the project into it.
# Usage: constraints/setup_venv.sh [VENV]      LIFELONG_PYTHON names an interpreter to use.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}
pinned=constraints/tfx-1.16.txt
uv_version=0.13.9

is_python310() {  # a pyenv shim is on PATH for versions that are not active: run it to know
    [ -n "$1" ] && [ "$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = 3.10 ]
}

find_python() {
    local candidate
    for candidate in \
        "${LIFELONG_PYTHON:-}" \
        "$(command -v python3.10 || true)" \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.10.*/bin/python3.10 \
        "$(command -v python3 || true)" \
        "$(uv python find 3.10 2>/dev/null || true)"; do
        if is_python310 "$candidate"; then
            # Not the link in an environment that is active, which may be the one to be made anew.
            "$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))'
            return
        fi
    done
    # A uv that may download interpreters brings its own.
    uv python install -q 3.10 >/dev/null 2>&1 && uv python find 3.10
}

python=$(find_python) || {
    cat >&2 <<'MESSAGE'
lifelong needs Python 3.10 and found none: not in LIFELONG_PYTHON, not as python3.10 on PATH,
not under pyenv's versions folder, not through uv. Install one of them, for example
    pyenv install 3.10        or        uv python install 3.10
or name an interpreter:       make LIFELONG_PYTHON=/path/to/python3.10 run
MESSAGE
    exit 1
}

started=$SECONDS
echo "set-up: $("$python" --version) at $python -> $venv"
rm -rf "$venv"
"$python" -m venv "$venv" || {
    echo "set-up: $python cannot make a virtual environment; on Debian: apt-get install python3.10-venv" >&2
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
"${install[@]}" --no-deps -r "$pinned"
"${install[@]}" --no-deps --no-build-isolation -e .
echo "set-up: $(grep -c '==' "$pinned") packages in $((SECONDS - started)) s"
ldconfig -p 2>/dev/null | grep -q libgomp.so.1 ||
    echo "set-up: without OpenMP \`lifelong compare\` cannot train trees; on Debian: apt-get install libgomp1" >&2
