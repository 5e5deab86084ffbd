umask 022 # the launcher may be another user; the directory is closed to all who are not of the job
mkdir -p "${1%/*}"
trap 'rm -f "$1"; kill $server 2>/dev/null; exit 143' TERM INT
server=
if [ -n "$KFMESH_RSH" ]; then # others are on other nodes
	"$KFMESH_RSH" serve "$KFMESH_MPI_SELF:$PORT_KFMESH_RSH" &
	server=$!
fi
(unset KFMESH_RUN_KEY && export -p >"$1.part") && mv "$1.part" "$1" || exit 1
while :; do
	sleep 86400 &
	wait $!
done
