package gpuagent

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Forms of labels, as in Kubernetes: a key may have a prefix, and a value may be
// empty.
var (
	labelKey   = regexp.MustCompile(`^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`)
	labelValue = regexp.MustCompile(`^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$`)
)

func checkLabels(labels []string) []fault.Violation {
	var violations []fault.Violation
	for _, label := range labels {
		key, value, ok := strings.Cut(label, "=")
		if !ok || !labelKey.MatchString(key) || !labelValue.MatchString(value) {
			violations = append(violations, fault.Violation{
				Field: "node-labels", Reason: fmt.Sprintf("%q is no label: want key=value, such as disk=ssd or example.com/zone=a", label),
			})
		}
	}
	return violations
}

// labels are those of the node: what Kubernetes says of every node, and what was
// configured, which wins.
func (c Config) labels() map[string]string {
	labels := map[string]string{
		"kubernetes.io/hostname": c.NodeName,
		"kubernetes.io/arch":     runtime.GOARCH,
		"kubernetes.io/os":       runtime.GOOS,
	}
	if host, err := os.Hostname(); err == nil {
		labels["kubernetes.io/hostname"] = host
	}
	for _, label := range c.NodeLabels {
		key, value, _ := strings.Cut(label, "=")
		labels[key] = value
	}
	return labels
}
