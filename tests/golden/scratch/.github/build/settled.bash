# Written by hub-image-template; `copier update` replaces this file.
# The Dockerfile runs it before it looks at the lists: it installs what is settled in lock/, and what a hub needs from
# Python.
set -euo pipefail

pip_names() {
    uv pip list --format freeze | cut -d= -f1
}

# settle KIND COMMAND ...: gives the lock to the command, and notes which packages it added, because only those may go
# when the list no longer asks for them.
settle() {
    local kind=$1 lock before
    lock=/mnt/$kind-$(uname -m).txt
    shift
    if grep -sqxF "$made_for" "$lock"; then
        before=$("${kind}_names")
        "$@" "$lock" || {
            echo "lock/${lock##*/}: cannot be installed, for the reason above; run hub-image lock, or delete the file." >&2
            exit 1
        }
        mkdir -p /opt/env/share/hub-image
        "${kind}_names" | { grep -vxF "$before" || true; } >"/opt/env/share/hub-image/$kind-added"
        # Packages of the base that stand in the lock in another version: they stay, with what they need.
        sed -n 's/==.*//p' "$lock" | { grep -xF "$before" || true; } >"/opt/env/share/hub-image/$kind-changed"
    elif ls "/mnt/$kind"-* >/dev/null 2>&1; then
        echo "lock/$(cd /mnt && echo "$kind"-*): left out, because it is not for ${made_for#*For }; this build takes what" \
            "requirements.txt allows today, and hub-image lock writes a new lock." >&2
    fi
}

# --seed brings pip, which %pip needs.
uv venv --python /usr/bin/python3 --seed --allow-existing /opt/env
made_for="# For docker.io/library/debian:trixie-20260918-slim, Python $(/opt/env/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'), $(uname -m)"
settle pip uv pip install --no-deps --require-hashes --requirement
packages=(
    'jupyterhub==5.4.*'
    'jupyterlab==4.5.2'
    'notebook==7.5.2'
    'nbgitpuller==1.2.2'
    'jupyter-server-proxy==4.4.0'
    'dask-gateway==2026.3.0'
)
uv pip install "${packages[@]}"
