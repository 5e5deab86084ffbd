package gpuagent

// prefix is that of all keys of the service; see internal/state.
const prefix = "/kfmesh/gpuagent/"

// NodeKey is the key under which a node is known for as long as its agent lives.
func NodeKey(node string) string { return prefix + "nodes/" + node }

// KeysOf says which keys of the store the agent of a node that has joined reads, and
// which it writes. A name that ends in a slash stands for all keys below it.
func KeysOf(node string) (read, write []string) {
	return []string{prefix}, []string{NodeKey(node), prefix + "reports/" + node + "/", prefix + "volumes/"}
}
