# Written by hub-image-template; `copier update` replaces this file.
# The Dockerfile runs it before it looks at the lists: it installs what is settled in lock/, and what a hub needs from
# Python and the base does not bring.
set -euo pipefail

conda_names() {
    find /opt/conda/conda-meta -name '*.json' -printf '%f\n' | sed -E 's/-[^-]+-[^-]+$//'
}

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
        mkdir -p /opt/conda/share/hub-image
        "${kind}_names" | { grep -vxF "$before" || true; } >"/opt/conda/share/hub-image/$kind-added"
        # Packages of the base that stand in the lock in another version: they stay, with what they need.
        sed -n 's/==.*//p' "$lock" | { grep -xF "$before" || true; } >"/opt/conda/share/hub-image/$kind-changed"
    elif ls "/mnt/$kind"-* >/dev/null 2>&1; then
        echo "lock/$(cd /mnt && echo "$kind"-*): left out, because it is not for ${made_for#*For }; this build takes what" \
            "environment.yml allows today, and hub-image lock writes a new lock." >&2
    fi
}

made_for="# For quay.io/jupyter/scipy-notebook:2026-07-28, Python $(/opt/conda/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'), $(uname -m)"
settle conda conda install --yes --prefix /opt/conda --file
settle pip uv pip install --no-deps --require-hashes --requirement
packages=(
    'nbgitpuller=1.2.2'
)
mamba install --yes --prefix /opt/conda "${packages[@]}"
