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
    if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
        echo "the Python module venv is missing; on Debian: apt-get install python3-venv" >&2
        exit 1
    fi
    echo "· installing python3-venv"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get -o DPkg::Lock::Timeout=300 install -qq -y --no-install-recommends python3-venv >/dev/null
fi
echo "· Python environment in .venv"
# A run that was interrupted may have left half of it.
.venv/bin/python -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
echo "$PWD/operator" >"$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/offheap.pth"
touch .venv/.ready
