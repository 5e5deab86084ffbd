package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/manifest"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// annotationUnsatisfiable says of a job what it does when it asks for more than there is.
const annotationUnsatisfiable = "kfmesh.dev/when-unsatisfiable"

// whenUnsatisfiable annotates jobs, unless what is empty.
func whenUnsatisfiable(all []manifest.Manifest, what string) error {
	switch what {
	case "":
		return nil
	case "wait", "fail":
	default:
		return fault.Invalidf("--when-unsatisfiable", "is %q; give wait or fail", what)
	}
	for i, m := range all {
		if !strings.HasSuffix(m.Kind, "Job") {
			continue
		}
		object := map[string]any{}
		decoder := json.NewDecoder(strings.NewReader(m.JSON))
		decoder.UseNumber()
		if err := decoder.Decode(&object); err != nil {
			return fault.Invalidf(m.Place, "is not an object: %v", err)
		}
		below(below(object, "metadata"), "annotations")[annotationUnsatisfiable] = what
		changed, err := json.Marshal(object)
		if err != nil {
			return err
		}
		all[i].JSON = string(changed)
	}
	return nil
}

// below is the object that another has under a name, which is made if there is none.
func below(object map[string]any, name string) map[string]any {
	inner, ok := object[name].(map[string]any)
	if !ok {
		inner = map[string]any{}
		object[name] = inner
	}
	return inner
}

// applyPriorityClass makes a priority class, or changes the one of its name.
func (s *Session) applyPriorityClass(ctx context.Context, c *client.Client, m manifest.Manifest, dry bool) error {
	var object struct {
		Metadata struct {
			Labels map[string]string `json:"labels"`
		} `json:"metadata"`
		Value            *int32 `json:"value"`
		Description      string `json:"description"`
		GlobalDefault    bool   `json:"globalDefault"`
		PreemptionPolicy string `json:"preemptionPolicy"`
	}
	if err := json.Unmarshal([]byte(m.JSON), &object); err != nil {
		return fault.Invalidf(m.Place, "is no %s: %v", m.Kind, err)
	}
	if object.Value == nil {
		return fault.Invalidf(m.Place, "value: is missing; give a number, the higher the earlier")
	}
	if object.GlobalDefault {
		fmt.Fprintf(s.Term.Err, "Warning: globalDefault has no effect here: kfmesh queue update --default-priority gives one to a queue\n")
	}
	if object.PreemptionPolicy == "Never" {
		fmt.Fprintf(s.Term.Err, "Warning: preemptionPolicy has no effect here: kfmesh queue update --preempt never keeps a queue from it\n")
	}
	class := &gpuagentv1.PriorityClass{
		Metadata: &metav1.ObjectMeta{Name: m.Name, Labels: object.Metadata.Labels}, Value: *object.Value, Description: object.Description,
	}
	did, err := "created", error(nil)
	if dry {
		did = "checked (server dry run)"
	} else if _, err = c.PriorityClasses.CreatePriorityClass(ctx, &gpuagentv1.CreatePriorityClassRequest{PriorityClass: class}); fault.Is(err, fault.AlreadyExists) {
		did = "configured"
		_, err = c.PriorityClasses.UpdatePriorityClass(ctx, &gpuagentv1.UpdatePriorityClassRequest{PriorityClass: class})
	}
	if err != nil {
		return fmt.Errorf("%s: %w", m.Place, err)
	}
	_, err = fmt.Fprintf(s.Term.Out, "%s/%s %s\n", strings.ToLower(m.Kind), m.Name, did)
	return err
}
