package field

import (
	"strings"
	"testing"
)

var replica = Replica{
	Name: "n", Namespace: "ns", UID: "u", Node: "node", Host: "127.0.0.1",
	Labels: map[string]string{"a": "1", "example.com/b": "2"}, Annotations: map[string]string{"c": "3"},
}

func TestOf(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"metadata.name": "n", "metadata.namespace": "ns", "metadata.uid": "u", "spec.nodeName": "node",
		"spec.serviceAccountName": "default", "status.hostIP": "127.0.0.1", "status.podIP": "127.0.0.1", "status.podIPs": "127.0.0.1",
		"metadata.labels['a']": "1", "metadata.labels['example.com/b']": "2", "metadata.labels['none']": "", "metadata.annotations['c']": "3",
	} {
		p, err := Parse(path)
		if err != nil || p.Of(replica) != want {
			t.Errorf("%s is %q, %v; want %q", path, p.Of(replica), err, want)
		}
	}
	for _, path := range []string{"", "metadata", "metadata.labels", "metadata.labels['']", "metadata.labels['a", "metadata.labels[a]", "status.phase", " metadata.name"} {
		if _, err := Parse(path); err == nil || !strings.Contains(err.Error(), "is none of metadata.name") {
			t.Errorf("%q is taken: %v", path, err)
		}
	}
}

// FuzzParse never panics, and what it takes has a value.
func FuzzParse(f *testing.F) {
	for _, path := range []string{"metadata.name", "metadata.labels['a']", "metadata.annotations['x/y']", "metadata.labels['", "\x00"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		p, err := Parse(path)
		if err != nil {
			return
		}
		_ = p.Of(replica)
		if !strings.HasPrefix(path, "metadata.") && !strings.HasPrefix(path, "spec.") && !strings.HasPrefix(path, "status.") {
			t.Errorf("%q is taken", path)
		}
	})
}
