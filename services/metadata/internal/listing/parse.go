package listing

import (
	"google.golang.org/protobuf/encoding/protojson"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// ParseFilter reads a filter parameter, JSON of metav1.Filter. The empty filter
// is nil, which holds always.
func ParseFilter(text string) (*metav1.Filter, error) {
	if text == "" {
		return nil, nil
	}
	filter := &metav1.Filter{}
	if err := protojson.Unmarshal([]byte(text), filter); err != nil {
		return nil, fault.Invalidf("filter", `is not a filter; want JSON such as `+
			`{"predicates":[{"operation":"EQUALS","key":"name","string_value":"x"}]}`).WithCause(err)
	}
	return filter, nil
}
