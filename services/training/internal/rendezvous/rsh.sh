#!/bin/sh
# Stands in for rsh: runs a command as the worker HOST would, with its environment.
#   kubexec.sh [-n] [-l USER] HOST COMMAND...
# The worker has left its environment beside this file; until then it has not begun.
while :; do
	case $1 in
	-l) shift 2 ;;
	-*) shift ;;
	*) break ;;
	esac
done
name=${1%%.*}
shift
case $name in
*-launcher | *-launcher-0-0) exec /bin/sh -c "$*" ;;
esac
environment=${0%/*}/$name.env
tries=0
while [ ! -e "$environment" ]; do
	tries=$((tries + 1))
	if [ "$tries" -gt 1200 ]; then
		echo "worker $name has not begun within two minutes" >&2
		exit 255
	fi
	sleep 0.1
done
. "$environment"
exec /bin/sh -c "$*"
