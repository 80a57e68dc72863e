#!/bin/sh
# Resolve pyproject.toml anew into the three locks. Old locks are not read: uv would take their versions as preferences.
set -eu
cd "$(dirname "$0")/.."

uv=.venv/bin/uv
[ -x "$uv" ] || { echo "lock: uv is missing; run make test or sh scripts/setup.sh dev first." >&2; exit 1; }
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT

compile() {
    "$uv" pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
        --no-emit-find-links "$@"
}

echo "[1/3] requirements-dev.lock (tests, evals and the extras under test)"
compile pyproject.toml --group dev --extra bots --extra learning --extra crypto -o "$new/requirements-dev.lock"
echo "[2/3] requirements.lock (what make run needs, at the same versions)"
compile pyproject.toml -c "$new/requirements-dev.lock" -o "$new/requirements.lock"
echo "[3/3] requirements-boot.lock (the installer)"
awk '/^uv==/ {on = 1; print; next} on && /^ / {print; next} {on = 0}' "$new/requirements-dev.lock" >"$new/requirements-boot.lock"

if grep -n '://' "$new"/*.lock; then
    echo "lock: the lines above name an address; a lock holds only names, versions and hashes. Nothing was changed." >&2
    exit 1
fi
for name in requirements-dev.lock requirements.lock requirements-boot.lock; do
    mv "$new/$name" "$name"
done
