# Written by hub-image-template; `copier update` replaces this file.
# The Dockerfile runs it for LIST: it installs what the list says, and removes what is settled in lock/ and the list no
# longer asks for.
# shellcheck source-path=SCRIPTDIR source=install.bash
. /mnt/install.bash
grep -qsE '^\s*[^#[:space:]]' "/mnt/$LIST" || [ -e "$settled" ] || exit 0

cd /mnt
before=$(uv pip list --format freeze)
requirements=requirements.txt
kept=(pip)
if [ "$LIST" = environment.yml ]; then
    work=$(mktemp -d)
    "$PREFIX/bin/python" environment.py split "$work"
    if [ -e "$work/environment.yml" ]; then
        attempt "$LIST" "" micromamba install --yes --prefix "$PREFIX" --file "$work/environment.yml"
    fi
    # Only now, since what is new may need what was settled.
    dropped=$("$PREFIX/bin/python" environment.py unneeded "$PREFIX" "${needed[@]%%[=<>]*}")
    # shellcheck disable=SC2086 # one word for each package
    [ -z "$dropped" ] || micromamba remove --yes --force --no-prune-deps --prefix "$PREFIX" $dropped
    requirements=$work/requirements.txt
else
    kept+=("${needed[@]}")
fi
if grep -qsE '^\s*[^#[:space:]]' "$requirements"; then
    kept+=(--requirement "$requirements")
    attempt "$LIST" "" uv pip install --requirement "$requirements"
fi
if [ -s "$settled/pip-added" ]; then
    kept+=(--requirement "$settled/pip-changed")
    others=$(uv pip install --quiet --dry-run --exact --output-format json "${kept[@]}" | sed -n 's/.*"name": "\(.*\)".*/\1/p')
    dropped=$(echo "$others" | grep -xFf "$settled/pip-added" || true)
    [ -z "$dropped" ] || echo "$dropped" | xargs uv pip uninstall
fi
rm -rf "${work-}"

# What is said to be installed must be what Python imports: the files of one version, and not of two.
after=$(uv pip list --format freeze)
twice() {
    cut -d= -f1 <<<"$1" | sort | uniq -d
}
doubled=$(twice "$after" | grep -vxF "$(twice "$before")" || true)
[ -z "$doubled" ] || fail "$LIST" "there are two versions of ${doubled//$'\n'/, } now, so that neither works; run hub-image lock, or delete lock/."
# Where something that was there is gone or has another version, JupyterHub may miss it.
if grep -qvxF "$after" <<<"$before"; then
    # In one Python: its start takes longer than adding a package.
    { command -v jupyterhub-singleuser && python -c 'import jupyterhub.singleuser.app, jupyterhub.singleuser.extension'; } ||
        fail "$LIST" "with these packages JupyterHub no longer starts; loosen the version that you added last."
fi
