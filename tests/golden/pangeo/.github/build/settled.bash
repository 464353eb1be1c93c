# Written by hub-image-template; `copier update` replaces this file.
# The Dockerfile runs it before it looks at the lists: it installs what is settled in lock/.
set -euo pipefail

conda_names() {
    find /srv/conda/envs/notebook/conda-meta -name '*.json' -printf '%f\n' | sed -E 's/-[^-]+-[^-]+$//'
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
        mkdir -p /srv/conda/envs/notebook/share/hub-image
        "${kind}_names" | { grep -vxF "$before" || true; } >"/srv/conda/envs/notebook/share/hub-image/$kind-added"
        # Packages of the base that stand in the lock in another version: they stay, with what they need.
        sed -n 's/==.*//p' "$lock" | { grep -xF "$before" || true; } >"/srv/conda/envs/notebook/share/hub-image/$kind-changed"
    elif ls "/mnt/$kind"-* >/dev/null 2>&1; then
        echo "lock/$(cd /mnt && echo "$kind"-*): left out, because it is not for ${made_for#*For }; this build takes what" \
            "environment.yml allows today, and hub-image lock writes a new lock." >&2
    fi
}

made_for="# For quay.io/pangeo/pangeo-notebook:2026.06.04, Python $(/srv/conda/envs/notebook/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'), $(uname -m)"
settle conda conda install --yes --prefix /srv/conda/envs/notebook --file
settle pip uv pip install --no-deps --require-hashes --requirement
