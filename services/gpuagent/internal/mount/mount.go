// Package mount says what a replica sees at which path of its file system,
// whatever runtime shows it there.
package mount

// Mount is a file or directory of the node at a path of a replica's file system.
type Mount struct {
	// Source is the absolute path on the node; it exists.
	Source string
	// Target is the absolute path in the replica's file system.
	Target string
	// ReadOnly refuses writing.
	ReadOnly bool
	// Own tells that the source was made for this replica alone, so that a runtime
	// may change whose it is.
	Own bool
}
