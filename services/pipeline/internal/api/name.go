package api

import (
	"regexp"
	"strings"
	"unicode"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// defaultNamespace is where what names no namespace belongs.
const defaultNamespace = "default"

// kubeflowNamespace is what KFP clients of a single-user installation send when
// they mean none.
const kubeflowNamespace = "kubeflow"

// The kinds of state.NameKey.
const (
	pipelineNames   = "pipelines"
	versionNames    = "versions"
	experimentNames = "experiments"
)

// maxNameBytes bounds names, which are part of keys.
const maxNameBytes = 255

// namespaceForm is what namespaces may be: a DNS label, as KFP has them.
var namespaceForm = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// namespaceOf reads the namespace of a request.
func namespaceOf(asked string) (string, error) {
	switch {
	case asked == "", asked == kubeflowNamespace:
		return defaultNamespace, nil
	case !namespaceForm.MatchString(asked):
		return "", fault.Invalidf("namespace", "%q is not a namespace; want at most 63 lower-case letters, digits and dashes", asked)
	}
	return asked, nil
}

// checkName refuses what cannot be a name.
func checkName(field, name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return fault.Invalidf(field, "is empty; want a name")
	case len(name) > maxNameBytes:
		return fault.Invalidf(field, "is %d bytes long; at most %d are allowed", len(name), maxNameBytes)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fault.Invalidf(field, "%q holds a control character", name)
	}
	return nil
}

// claim makes a name unique as part of the commit that creates what has it.
func (d Deps) claim(kind, scope, name, id string) store.Op {
	return d.State.Names.CreateOp(state.NameKey(kind, scope, name), &pipelinev1.NameClaim{Id: id})
}

// release frees a name as part of the commit that deletes what has it.
func (d Deps) release(kind, scope, name string) store.Op {
	return d.State.Names.DeleteOp(state.NameKey(kind, scope, name), store.AnyRevision)
}
