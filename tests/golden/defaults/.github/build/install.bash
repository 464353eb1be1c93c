# Written by hub-image-template; `copier update` replaces this file.
# What settled.bash and listed.bash have in common. The Dockerfile tells both, by environment variables:
#   PREFIX        the folder of the Python environment
#   LIST          the list of Python packages: environment.yml for conda, requirements.txt for pip
#   HUB_PACKAGES  what a hub needs from Python and the base does not bring, with versions
# shellcheck disable=SC2034 # they use these
set -euo pipefail
settled=$PREFIX/share/hub-image # notes of what a lock brought
read -ra needed <<<"$HUB_PACKAGES"

fail() {
    echo "$1: $2" >&2
    exit 1
}

# attempt WHAT ADVICE COMMAND ...: runs the command. When it fails, the last line names the cause and what to do about
# it: ADVICE where there is one and it can help. The texts are those of mamba (problems_graph.cpp, downloader.cpp) and uv.
attempt() {
    local what=$1 advice=$2 log
    shift 2
    log=$(mktemp)
    if "$@" 2>&1 | tee "$log"; then
        rm "$log"
        return
    fi
    if grep -qE 'does not exist \(perhaps a typo|was not found in the package registry|there is no version of' "$log"; then
        fail "$what" "there is no such package or no such version, see above; ${advice:-correct it, or add the channel that has it.}"
    elif grep -qE 'Could not solve for environment specs|No solution found' "$log"; then
        fail "$what" "these packages cannot be had together, for the reason above; ${advice:-loosen the version that you added last.}"
    elif grep -qE 'status:? 40[0-9]|\(40[0-9] ' "$log"; then
        fail "$what" "an address does not exist or lets nobody in, see above; ${advice:-correct the channel or the address.}"
    elif grep -qE 'Download error|Failed to (fetch|download)|error sending request|status:? (429|5[0-9][0-9])' "$log"; then
        fail "$what" "a server did not answer, see above; build again later, because nothing here is wrong."
    fi
    fail "$what" "cannot be installed, for the reason above; ${advice:-take out what you added last.}"
}
