#!/bin/bash
# Run the hooks, then become the command. What the real script does when it is started as root, and
# for other user names, is left out: a hub does not do that.
set -e
[ $# -gt 0 ] || set -- bash
if [ "$_START_SH_EXECUTED" = 1 ]; then
    exec "$@"
fi
export _START_SH_EXECUTED=1
for folder in /usr/local/bin/start-notebook.d /usr/local/bin/before-notebook.d; do
    for hook in "$folder"/*; do
        # A hook that fails is reported and does not keep the server from starting.
        set +e
        case $hook in
            *.sh) source "$hook" || echo "ERROR: $hook has failed, continuing execution" >&2 ;;
            *) [ ! -x "$hook" ] || "$hook" || echo "ERROR: $hook has failed, continuing execution" >&2 ;;
        esac
        set -e
    done
done
exec "$@"
