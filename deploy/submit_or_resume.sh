#!/bin/sh
# Start a search under a given name, or continue it if it exists: for jobs that may be started again.
#
#   submit_or_resume.sh NAME SPEC [OPTION of hpo submit and hpo resume, such as --address ADDRESS]
set -eu
name=$1 spec=$2
shift 2
if hpo status "$name" > /dev/null 2>&1; then
    exec hpo resume "$name" "$@"
fi
exec hpo submit "$spec" --name "$name" "$@"
