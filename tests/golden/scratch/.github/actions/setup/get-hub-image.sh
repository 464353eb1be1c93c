# Written by hub-image-template; `copier update` replaces this file.
# Put hub-image on the PATH of the steps that follow. `newest`: with Copier, in the newest release of the template,
# since what was learnt about updates must reach a repository that was left alone. `here`: the same from this folder,
# which is a copy of the template. Otherwise in the version that this repository was made from.
# shellcheck shell=bash
set -euo pipefail
recorded() { sed -n "s/^$1: //p" .copier-answers.yml; }

which=${1:-recorded}
if [ "$which" = here ]; then
    package=".[copier]"
else
    source=$(recorded _src_path)
    version=$(recorded _commit)
    case $source in
        gh:*) source=https://github.com/${source#gh:} ;;
        gl:*) source=https://gitlab.com/${source#gl:} ;;
        git+*) source=${source#git+} ;;
        *://*) ;;
        *) [ -z "$version" ] || source=file://$source ;;
    esac
    package="${version:+git+}$source${version:+@$version}"
    if [ "$which" = newest ]; then
        git clone --quiet -- "$source" "$RUNNER_TEMP/template"
        release=$(git -C "$RUNNER_TEMP/template" tag --list --sort=-version:refname | sed -n '/^v[0-9.]*$/{p;q}')
        git -C "$RUNNER_TEMP/template" checkout --quiet "${release:-$version}" --
        package="$RUNNER_TEMP/template[copier]"
    fi
fi
python3 -m venv --without-pip "$RUNNER_TEMP/hub-image"
python3 -m pip --python "$RUNNER_TEMP/hub-image" install \
    --quiet --disable-pip-version-check --no-compile -- "$package"
echo "$RUNNER_TEMP/hub-image/bin" >>"$GITHUB_PATH"
