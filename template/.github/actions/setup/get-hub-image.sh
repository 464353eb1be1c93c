# Written by hub-image-template; `copier update` replaces this file.
# Put hub-image on the PATH of the steps that follow, in a version that cannot change: the commit of the template that
# .github/image.env records, or the one that is given. `here`: this folder, which is a copy of the template.
# What it needs comes from PyPI as that commit's hooks/requirements.txt locks it: nothing else, and nothing newer.
# shellcheck shell=bash
set -euo pipefail
recorded() { sed -n "s/^$1//p" "$2"; }
fail() { echo "::error::$1" && exit 1; }

if [ "${1-}" = here ]; then
    folder=$PWD
else
    source=$(recorded "_src_path: " .copier-answers.yml)
    commit=${1:-$(recorded TEMPLATE_COMMIT= .github/image.env)}
    case $source in
        gh:*) source=https://github.com/${source#gh:} ;;
        gl:*) source=https://gitlab.com/${source#gl:} ;;
        git+*) source=${source#git+} ;;
    esac
    folder=$source # a folder without git has no versions
    if [ -n "$commit" ] || grep -q "^_commit: ." .copier-answers.yml; then
        [[ $commit =~ ^[0-9a-f]{40}$ ]] ||
            fail ".github/image.env: TEMPLATE_COMMIT is no full commit: restore that line with git, or run hub-image update."
        folder=$RUNNER_TEMP/template-$commit
        git clone --quiet --no-checkout -- "$source" "$folder"
        # A tag or a branch may have moved since; a commit is what it was. One that no branch and no tag leads to is not
        # taken: GitHub would also give those of anybody's fork.
        git -C "$folder" checkout --quiet --detach "$commit" 2>/dev/null &&
            [ "$(git -C "$folder" rev-parse HEAD)" = "$commit" ] &&
            [ -n "$(git -C "$folder" for-each-ref --count=1 --contains "$commit")" ] ||
            fail "$source has no commit $commit, which .github/image.env records as TEMPLATE_COMMIT: run hub-image update."
    fi
fi
venv=$RUNNER_TEMP/hub-image-${commit:-here}
python3 -m venv --without-pip "$venv"
install() { python3 -m pip --python "$venv" install --quiet --disable-pip-version-check --no-compile "$@"; }
install --require-hashes --only-binary :all: --requirement "$folder/hooks/requirements.txt"
install --no-deps --no-build-isolation -- "$folder"
mkdir "$venv/command" && ln -s ../bin/hub-image "$venv/command/" # and no other Python
echo "$venv/command" >>"$GITHUB_PATH"
