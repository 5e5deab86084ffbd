package gpuagent

import (
	"fmt"

	"github.com/kfmesh/kfmesh/internal/cgroup"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// validateLimits says what is wrong with the settings of limits.
func (c Config) validateLimits() []fault.Violation {
	var wrong []fault.Violation
	if c.Limits != limitsAuto && c.Limits != limitsOff {
		wrong = append(wrong, fault.Violation{Field: "limits", Reason: fmt.Sprintf("%q: want auto or off", c.Limits)})
	}
	if c.MaxProcesses < 0 {
		wrong = append(wrong, fault.Violation{Field: "max-processes", Reason: "is negative; want 0 or more"})
	}
	return wrong
}

// limits is where limits of processes are kept; nil when they are not to be.
func (c Config) limits() func() cgroup.Place {
	if c.Limits == limitsOff {
		return nil
	}
	return func() cgroup.Place { return cgroup.Find("/") }
}
