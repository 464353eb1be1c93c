# Written by hub-image-template; `copier update` replaces this file.
# The Dockerfile runs it for requirements.txt: it installs what the list says, and removes what is settled in lock/ and
# the list no longer asks for.
set -euo pipefail
grep -qsE '^\s*[^#[:space:]]' /mnt/requirements.txt || [ -e /opt/env/share/hub-image ] || exit 0

fail() {
    echo "requirements.txt: $1" >&2
    exit 1
}

before=$(uv pip list --format freeze)
list=/mnt/requirements.txt
cd /mnt
wanted=()
if grep -qsE '^\s*[^#[:space:]]' "$list"; then
    wanted=(--requirement "$list")
    uv pip install "${wanted[@]}" ||
        fail "these packages cannot be had together, for the reason above; loosen the version that you added last."
fi
if [ -s /opt/env/share/hub-image/pip-added ]; then
    wanted+=(pip jupyterhub jupyterlab notebook nbgitpuller jupyter-server-proxy dask-gateway --requirement /opt/env/share/hub-image/pip-changed)
    others=$(uv pip install --quiet --dry-run --exact --output-format json "${wanted[@]}" | sed -n 's/.*"name": "\(.*\)".*/\1/p')
    dropped=$(echo "$others" | grep -xFf /opt/env/share/hub-image/pip-added || true)
    [ -z "$dropped" ] || echo "$dropped" | xargs uv pip uninstall
fi
# Where something that was there is gone or has another version, JupyterHub may miss it.
if grep -qvxFf <(uv pip list --format freeze) <<<"$before"; then
    # In one Python: its start takes longer than adding a package.
    { command -v jupyterhub-singleuser && python -c 'import jupyterhub.singleuser.app, jupyterhub.singleuser.extension'; } ||
        fail "with these packages JupyterHub no longer starts; loosen the version that you added last."
fi
