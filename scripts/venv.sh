#!/usr/bin/env bash
# Makes .venv from the locked requirements. Debian splits venv from python3; it is installed where missing.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "offheap needs Python 3.11 or newer; set PYTHON=/path/to/python3" >&2
    exit 1
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    command -v apt-get >/dev/null || { echo "the Python module venv is missing" >&2; exit 1; }
    echo "· installing python3-venv"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y python3-venv >/dev/null
fi
echo "· Python environment in .venv"
[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
echo "$PWD/operator" >"$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/offheap.pth"
touch .venv/.ready
