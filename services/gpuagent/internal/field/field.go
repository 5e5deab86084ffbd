// Package field reads the field paths by which a replica is told about itself, as
// the downward API of Kubernetes spells them.
//
// The package is pure.
package field

import (
	"regexp"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Replica is what field paths can ask about.
type Replica struct {
	Name, Namespace, UID string
	Labels, Annotations  map[string]string
	Node, Host           string
}

// serviceAccount is what Kubernetes calls that of a pod which names none.
const serviceAccount = "default"

// plain are the paths without a key.
var plain = map[string]func(Replica) string{
	"metadata.name":           func(r Replica) string { return r.Name },
	"metadata.namespace":      func(r Replica) string { return r.Namespace },
	"metadata.uid":            func(r Replica) string { return r.UID },
	"spec.nodeName":           func(r Replica) string { return r.Node },
	"spec.serviceAccountName": func(Replica) string { return serviceAccount },
	"status.hostIP":           func(r Replica) string { return r.Host },
	"status.hostIPs":          func(r Replica) string { return r.Host },
	"status.podIP":            func(r Replica) string { return r.Host },
	"status.podIPs":           func(r Replica) string { return r.Host },
}

// withKey are the paths with a key, metadata.labels['KEY'], where KEY is a label's
// name with or without a prefix.
var withKey = regexp.MustCompile(`^metadata\.(labels|annotations)\['([A-Za-z0-9]([-A-Za-z0-9_./]{0,315}[A-Za-z0-9])?)'\]$`)

// Path is a field path that was read.
type Path struct{ value func(Replica) string }

// Parse reads a field path.
func Parse(path string) (Path, error) {
	if value, ok := plain[path]; ok {
		return Path{value}, nil
	}
	parts := withKey.FindStringSubmatch(path)
	if parts == nil {
		return Path{}, fault.Invalidf("field_path", "%.200q is none of metadata.name, metadata.namespace, metadata.uid, metadata.labels['KEY'], "+
			"metadata.annotations['KEY'], spec.nodeName, spec.serviceAccountName, status.hostIP, status.podIP, status.podIPs", path)
	}
	if parts[1] == "labels" {
		return Path{func(r Replica) string { return r.Labels[parts[2]] }}, nil
	}
	return Path{func(r Replica) string { return r.Annotations[parts[2]] }}, nil
}

// Of returns the value for a replica; that of a label or annotation which is not
// there is empty.
func (p Path) Of(r Replica) string { return p.value(r) }
