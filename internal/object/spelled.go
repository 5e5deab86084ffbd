package object

import (
	"errors"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// spelling is that of the fields of objects, for what services call otherwise.
var spelling = strings.NewReplacer(
	"config_map.", "", "secret.", "", "volume.spec.size_bytes", "spec.resources.requests.storage", "volume.", "", "priority_class.", "",
	"binary_data", "binaryData", "access_modes", "accessModes",
)

// Spelled is an error of a service with the fields that objects have.
func Spelled(err error) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != fault.Invalid {
		return err
	}
	all := make([]fault.Violation, len(e.Violations))
	for i, v := range e.Violations {
		all[i] = fault.Violation{Field: spelling.Replace(v.Field), Reason: v.Reason}
	}
	return fault.InvalidAll(all)
}
