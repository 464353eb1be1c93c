# Written by hub-image-template; `copier update` replaces this file.
# The Dockerfile runs it before it looks at the lists: it installs what is settled in lock/, and HUB_PACKAGES.
# shellcheck source-path=SCRIPTDIR source=install.bash
. /mnt/install.bash

conda_names() {
    find "$PREFIX/conda-meta" -name '*.json' -printf '%f\n' | names
}

# Names of packages from NAME-VERSION-BUILD, with or without `.json`.
names() {
    sed -E 's/-[^-]+-[^-]+$//'
}

pip_names() {
    uv pip list --format freeze | cut -d= -f1
}

# micromamba links the packages of an explicit list over other versions that are there, and keeps both on its books: so
# those go first. (MTransaction in mamba's libmamba/src/core/transaction.cpp)
install_conda() {
    local wanted others
    wanted=$(sed -nE 's,^https?://.*/([^/]+)\.(conda|tar\.bz2)(#.*)?$,\1,p' "$1")
    others=$(find "$PREFIX/conda-meta" -name '*.json' -printf '%f\n' | sed 's/\.json$//' |
        grep -vxF "$wanted" | names | grep -xF "$(names <<<"$wanted")")
    # shellcheck disable=SC2086 # one word for each package
    { [ -z "$others" ] || micromamba remove --yes --force --no-prune-deps --prefix "$PREFIX" $others; } &&
        micromamba install --yes --prefix "$PREFIX" --file "$1"
}

install_pip() {
    uv pip install --no-deps --require-hashes --requirement "$1"
}

# settle KIND: installs a lock, and notes which packages it added, because only those may go when the list no longer
# asks for them.
settle() {
    local kind=$1 lock before
    lock=/mnt/$kind-$(uname -m).txt
    if grep -sqxF "$made_for" "$lock"; then
        before=$("${kind}_names")
        attempt "lock/${lock##*/}" "run hub-image lock, or delete the file." "install_$kind" "$lock"
        mkdir -p "$settled"
        "${kind}_names" | { grep -vxF "$before" || true; } >"$settled/$kind-added"
        # Packages of the base that stand in the lock in another version: they stay, with what they need.
        sed -n 's/==.*//p' "$lock" | { grep -xF "$before" || true; } >"$settled/$kind-changed"
    elif ls "/mnt/$kind"-* >/dev/null 2>&1; then
        echo "lock/$(cd /mnt && echo "$kind"-*): left out, because it is not for ${made_for#*For }; this build takes what" \
            "$LIST allows today, and hub-image lock writes a new lock." >&2
    fi
}

python=
if [[ " $HUB_PACKAGES" == *" python="* ]]; then
    # From scratch, with conda: nothing is there yet.
    python=${HUB_PACKAGES#*python=}
    python=${python%% *}
    mkdir -p "$PREFIX/conda-meta"
    echo 'channels: [conda-forge]' >"$PREFIX/.condarc"
elif [ ! -x "$PREFIX/bin/python" ]; then
    # --seed brings pip, which %pip needs.
    uv venv --python /usr/bin/python3 --seed --allow-existing "$PREFIX"
fi
made_for="# For $BASE, Python ${python:-$("$PREFIX/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')}, $(uname -m)"

add_hub_packages() {
    [ "${#needed[@]}" -eq 0 ] || attempt "what a hub needs" "choose another base." "$@" "${needed[@]}"
}
if [ "$LIST" = environment.yml ]; then
    settle conda
    add_hub_packages micromamba install --yes --prefix "$PREFIX"
    # Later installs keep this Python, because everything here is made for it.
    [ -z "$python" ] || echo "python $python.*" >>"$PREFIX/conda-meta/pinned"
    settle pip
else
    settle pip
    add_hub_packages uv pip install
fi
