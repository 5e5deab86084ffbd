#!/bin/sh
# Stands in for rsh: runs a command as the worker HOST would, with its environment.
#   kubexec.sh [-n] [-l USER] HOST COMMAND...
# A worker of this node has left its environment beside this file; until then it has
# not begun. One of another node runs the command itself.
input=
while :; do
	case $1 in
	-l) shift 2 ;;
	-n) input=-n && shift ;;
	-*) shift ;;
	*) break ;;
	esac
done
name=${1%%.*}
shift
case $name in
*-launcher | *-launcher-0-0) exec /bin/sh -c "$*" ;;
esac
for entry in $KFMESH_MPI_HOSTS; do
	address=${entry#*=}
	if [ "${entry%%=*}" = "$name" ] && [ "${address%:*}" != "$KFMESH_MPI_SELF" ]; then
		if [ -z "$KFMESH_RSH" ]; then
			echo "worker $name is on another node, and nothing here reaches it: kfmesh-rsh has to be beside kfmesh, and containers have to be on their hosts' network" >&2
			exit 255
		fi
		exec "$KFMESH_RSH" run $input "$address" "$*"
	fi
done
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
