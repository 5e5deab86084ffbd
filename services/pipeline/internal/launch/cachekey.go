package launch

import (
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// cacheInput is what a key is made of: what KFP's cache key holds, and the
// content of input artifacts where it is known.
type cacheInput struct {
	InputArtifacts   map[string][]string         `json:"inputArtifacts"`
	InputParameters  map[string]any              `json:"inputParameters"`
	OutputArtifacts  map[string]cacheArtifact    `json:"outputArtifacts"`
	OutputParameters map[string]ir.ParameterType `json:"outputParameters"`
	Image            string                      `json:"image"`
	Command          []string                    `json:"command"`
	Args             []string                    `json:"args"`
	Claims           []string                    `json:"claims,omitempty"` // persistent volumes mounted, sorted
}

type cacheArtifact struct {
	Type     string         `json:"type"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

// CacheKey names what a container task would compute: tasks of one pipeline
// with equal keys may share their outputs. customKey is the task's
// cachingOptions.cacheKey, empty for none; with it only the component counts.
//
// As in KFP the environment and the defaults of absent inputs do not count, and
// command and arguments count with their placeholders unresolved. Unlike KFP an
// input artifact counts by the digest of its content where that is known, and
// by name, type, metadata and URI where it is not.
func CacheKey(req Request, customKey string) (string, error) {
	c, executor, err := req.component()
	if err != nil {
		return "", err
	}
	if executor.Container == nil {
		return "", fault.Internalf(nil, "component %q is no container", req.Component)
	}
	hash := sha256.New()
	if customKey != "" {
		io.WriteString(hash, req.Component+"\x00"+customKey)
		return hex.EncodeToString(hash.Sum(nil)), nil
	}
	content, err := compactJSON(req.cacheInput(c, executor.Container))
	if err != nil {
		return "", err
	}
	hash.Write(content)
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func (req Request) cacheInput(c ir.Component, container *ir.Container) cacheInput {
	in := cacheInput{
		InputArtifacts:   map[string][]string{},
		InputParameters:  req.Inputs.Parameters,
		OutputArtifacts:  map[string]cacheArtifact{},
		OutputParameters: map[string]ir.ParameterType{},
		Image:            container.Image,
		Command:          container.Command,
		Args:             container.Args,
	}
	for name, artifacts := range req.Inputs.Artifacts {
		for _, a := range artifacts {
			in.InputArtifacts[name] = append(in.InputArtifacts[name], identity(a))
		}
	}
	for name, def := range c.OutputDefinitions.Artifacts {
		in.OutputArtifacts[name] = cacheArtifact{Type: def.ArtifactType.SchemaTitle, Metadata: def.Metadata}
	}
	for name, def := range c.OutputDefinitions.Parameters {
		in.OutputParameters[name] = def.ParameterType
	}
	in.Claims = req.Pod.Claims()
	return in
}

// identity tells two artifacts apart. Metadata counts beside the content: a
// step may read it.
func identity(a ir.Artifact) string {
	place := a.URI
	if a.Digest != "" {
		place = a.Digest
	}
	metadata, err := compactJSON(a.Metadata)
	if err != nil {
		metadata = nil // it came out of JSON, so this cannot be
	}
	return a.Name + "\x00" + a.Type + "\x00" + place + "\x00" + string(metadata)
}
