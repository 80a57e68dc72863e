#!/bin/sh
# Make .venv and install the locked packages into it: setup.sh run | dev
# A second call with the same lock does nothing. Every package is checked against the hash in its lock.
set -eu
cd "$(dirname "$0")/.."

kind=${1:?usage: setup.sh run|dev}
case $kind in
    run) lock=requirements.lock ;;
    dev) lock=requirements-dev.lock ;;
    *) echo "usage: setup.sh run|dev" >&2; exit 2 ;;
esac
venv=.venv
boot=$venv/boot
stamp=$venv/installed

say() { printf '%s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

supported() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1
}

# 3.11 comes first: it is the version every release is tested on.
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        supported "$PYTHON" || fail "PYTHON=$PYTHON is not Python 3.11, 3.12 or 3.13."
        say "$PYTHON"
        return
    fi
    for name in python3.11 python3.12 python3.13 python3; do
        if supported "$name"; then
            say "$name"
            return
        fi
    done
    found=$(python3 --version 2>/dev/null || echo "no python3")
    fail "Python 3.11, 3.12 or 3.13 is needed, and this machine has $found. On Debian or Ubuntu: sudo apt-get install python3 python3-venv; elsewhere install one and call: make PYTHON=/path/to/python3.11"
}

checksum() {
    "$venv/bin/python" -c '
import hashlib, sys
print(hashlib.sha256(b"".join(open(name, "rb").read() for name in sys.argv[1:])).hexdigest())' "$lock" pyproject.toml
}

installed() {
    [ -x "$venv/bin/python" ] && [ -f "$stamp-$kind" ] && supported "$venv/bin/python" &&
        [ "$(cat "$stamp-$kind")" = "$(checksum)" ]
}

make_venv() {
    if [ -x "$venv/bin/python" ] && supported "$venv/bin/python"; then
        return
    fi
    python=$(find_python)
    rm -rf "$venv"
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv "$venv"
    elif "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --without-pip "$venv"
    else
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        fail "$python cannot make virtual environments. On Debian or Ubuntu: sudo apt-get install python$version-venv"
    fi
}

# The environment's own pip, or the system's where Debian left ensurepip out.
pip() {
    if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        "$venv/bin/python" -m pip "$@"
    else
        "$(find_python)" -m pip --python "$venv/bin/python" "$@"
    fi
}

pip_option() {
    pip config list 2>/dev/null | sed -n "s/^[^.]*\.$1='\(.*\)'\$/\1/p" | sed 's/\\n/ /g; s/^ *//' | head -n 1
}

# uv does not read pip's configuration: hand over its indexes and certificate, so that one set-up serves both.
# Any index may serve any package here, because the hashes decide what is accepted.
configure_uv() {
    index=$(pip_option index-url)
    extra=$(pip_option extra-index-url)
    links=$(pip_option find-links)
    cert=${PIP_CERT:-$(pip_option cert)}
    [ -z "$index" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$index}"
    [ -z "$extra" ] || export UV_EXTRA_INDEX_URL="${UV_EXTRA_INDEX_URL:-$extra}"
    [ -z "$links" ] || export UV_FIND_LINKS="${UV_FIND_LINKS:-$(say "$links" | tr -s ' ' ',')}"
    [ -z "$cert" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$cert}"
    export UV_INDEX_STRATEGY=unsafe-best-match UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-180}"
    export UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV="$PWD/$venv"
}

# Print the path of uv: the one in the environment, or one fetched into a throw-away folder; nothing if neither works.
find_uv() {
    if [ -x "$venv/bin/uv" ]; then
        say "$venv/bin/uv"
        return
    fi
    if pip install --quiet --target "$boot" --no-deps --require-hashes -r requirements-boot.lock >&2; then
        say "$boot/bin/uv"
    fi
}

# install ARGUMENTS: by uv where it works, else by pip. Nothing is built from unpinned tools (no build isolation).
install() {
    if [ -n "$uv" ] && "$uv" pip install --no-deps --no-build-isolation "$@"; then
        return
    fi
    [ -z "$uv" ] || say "      uv did not succeed; trying pip"
    pip install --no-deps --no-build-isolation --use-pep517 --no-input "$@"
}

if installed; then
    exit 0
fi
trap 'rm -rf "$boot" "$venv/build-tools.lock"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "[1/4] making $venv"
make_venv
rm -f "$stamp-$kind"
configure_uv
say "[2/4] fetching the installer"
uv=$(find_uv)
say "[3/4] installing the $(grep -c '^[A-Za-z0-9]' "$lock") packages of $lock (about a minute, once)"
awk '/^setuptools==/ {on = 1; print; next} on && /^ / {print; next} {on = 0}' "$lock" >"$venv/build-tools.lock"
install --quiet --require-hashes -r "$venv/build-tools.lock"
install --require-hashes -r "$lock"
say "[4/4] installing quantdesk itself"
install --quiet -e .
checksum >"$stamp-$kind"
[ "$kind" = run ] || (lock=requirements.lock; checksum >"$stamp-run")
rm -rf "$boot"
say "      done: $(du -sm "$venv" 2>/dev/null | cut -f 1) MB in $venv"
