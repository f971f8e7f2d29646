#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the virtual environment: sh deploy/demo/bootstrap.sh VENV_DIR
# Needs a Python of the range below and nothing else of the system; no root. Run again it is done in
# a moment when the lock file and pyproject.toml have not changed. PYTHON=... names another Python.
set -eu

fail() {
    echo "bootstrap: $*" >&2
    exit 1
}

[ $# -eq 1 ] || fail "usage: sh deploy/demo/bootstrap.sh VENV_DIR"
case $1 in
/*) venv=$1 ;;
*) venv=$PWD/$1 ;;
esac
cd "$(dirname "$0")/../.."
[ -r requirements.lock ] || fail "requirements.lock is missing in $PWD"
mkdir -p "$(dirname "$venv")"

# One run at a time: the lock is on the folder that holds the environment, and leaves no file.
if command -v flock >/dev/null; then
    exec 9<"$(dirname "$venv")"
    flock 9
fi

in_range() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

stamp=$venv/.bootstrapped
wanted=$(printf '%s\n%s\n' "$PWD" "$venv" | cat - requirements.lock pyproject.toml | sha256sum)
if [ "$wanted" = "$(cat "$stamp" 2>/dev/null)" ] && in_range "$venv/bin/python"; then
    exit 0
fi
rm -f "$stamp"
if ! in_range "$venv/bin/python" || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=
    for name in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
        path=$(command -v "$name") || continue
        if ! "$path" -c '' 2>/dev/null; then
            echo "bootstrap: note: $path cannot be executed, looking further" >&2
        elif in_range "$path"; then
            python=$path
            break
        fi
    done
    [ -n "$python" ] || fail "no Python 3.11, 3.12 or 3.13 on the PATH: install python3"
    "$python" -c 'import venv' 2>/dev/null ||
        fail "$python has no venv module: install python3 (not python3-minimal alone)"
    if "$python" -m ensurepip --version >/dev/null 2>&1; then
        "$python" -m venv --clear "$venv"
    else
        # Debian keeps pip out of python3: its wheel is in a package that needs no installing.
        "$python" -m venv --clear --without-pip "$venv"
        wheels=/usr/share/python-wheels
        if ! ls "$wheels"/pip-*.whl >/dev/null 2>&1; then
            fetched=$(mktemp -d)
            trap 'rm -rf "$fetched"' EXIT
            trap 'exit 1' HUP INT TERM
            "$python" deploy/demo/debian.py python3-pip-whl "$fetched" ||
                fail "$python has no pip: connect to a package mirror, or install python3-venv"
            wheels=$fetched/usr/share/python-wheels
        fi
        wheel=$(ls "$wheels"/pip-*.whl)
        "$venv/bin/python" "$wheel/pip" install --quiet --no-index --no-deps "$wheel"
    fi
fi

echo "bootstrap: installing the locked packages into $venv" >&2
pip() {
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "$@" ||
        fail "pip could not install (its reason stands above)"
}
pip --require-hashes -r requirements.lock
pip --no-deps --no-build-isolation -e .
printf '%s\n' "$wanted" >"$stamp"
