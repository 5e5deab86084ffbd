// Package arch polices the tree: who may import whom, and the few habits of the
// code that a compiler does not check.
//
// The import rules are data (see rules.go): layers say what the packages of
// this module may import of each other, bans say which outside modules only few
// packages may touch. A test prints the reason with each violation, so that the
// rules explain themselves where they are broken.
//
// The package holds nothing that runs in a service and starts no goroutine.
package arch
