package launch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// cacheInput is what a key is made of. Its JSON is that of the CacheKey message
// in kubeflow/pipelines' cache_key.proto, so that a task whose outcome depends on
// nothing else has the very key that KFP gives it; what KFP leaves out follows,
// and is absent where it says nothing.
type cacheInput struct {
	InputArtifacts   map[string]cacheNames       `json:"inputArtifactNames,omitempty"`
	InputParameters  map[string]any              `json:"inputParameterValues,omitempty"`
	OutputArtifacts  map[string]cacheArtifact    `json:"outputArtifactsSpec,omitempty"`
	OutputParameters map[string]ir.ParameterType `json:"outputParametersSpec,omitempty"`
	Container        cacheContainer              `json:"containerSpec"`

	Contents   map[string][]string `json:"inputArtifactContents,omitempty"`
	Entrypoint bool                `json:"entrypoint,omitempty"` // arguments alone: they go to the program of the image
}

type cacheNames struct {
	Names []string `json:"artifactNames,omitempty"`
}

type cacheArtifact struct {
	Name     string         `json:"name,omitempty"`
	Type     cacheType      `json:"type"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

type cacheType struct {
	SchemaTitle    string `json:"schemaTitle,omitempty"`
	SchemaURI      string `json:"schemaUri,omitempty"`
	InstanceSchema string `json:"instanceSchema,omitempty"`
	SchemaVersion  string `json:"schemaVersion,omitempty"`
}

type cacheContainer struct {
	Image   string        `json:"image,omitempty"`
	CmdArgs []string      `json:"cmdArgs,omitempty"`
	Env     []cacheEnvVar `json:"env,omitempty"`
	Claims  []string      `json:"pvcNames,omitempty"` // persistent volumes mounted, sorted
}

type cacheEnvVar struct {
	Name  string `json:"name,omitempty"`
	Value string `json:"value,omitempty"`
}

// CacheKey names what a container task would compute: tasks of one pipeline
// with equal keys may share their outputs. customKey is the task's
// cachingOptions.cacheKey, empty for none; with it only the component counts.
//
// As in KFP the defaults of absent inputs do not count, and command, arguments
// and environment count with their placeholders unresolved. Unlike in KFP an
// input artifact counts by the digest of its content. Where that is not known it
// counts by name, URI and what Request.Stamps says of it.
func CacheKey(req Request, customKey string) (string, error) {
	c, executor, err := req.component()
	if err != nil {
		return "", err
	}
	if executor.Container == nil {
		return "", fault.Internalf(nil, "component %q is no container", req.Component)
	}
	if customKey != "" {
		hash := sha256.New()
		io.WriteString(hash, req.Component+"\x00"+customKey)
		return hex.EncodeToString(hash.Sum(nil)), nil
	}
	return req.cacheInput(c, executor.Container).fingerprint()
}

// fingerprint is the SHA-256 of the JSON, keys sorted, in hex digits.
func (in cacheInput) fingerprint() (string, error) {
	content, err := json.Marshal(in)
	if err != nil {
		return "", fault.Internalf(err, "the task's inputs cannot be written as JSON")
	}
	var fields any // for its keys to be sorted
	if err := json.Unmarshal(content, &fields); err != nil {
		return "", fault.Internalf(err, "the task's inputs cannot be read back as JSON")
	}
	if content, err = json.Marshal(fields); err != nil {
		return "", fault.Internalf(err, "the task's inputs cannot be written as JSON")
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), nil
}

func (req Request) cacheInput(c ir.Component, container *ir.Container) cacheInput {
	in := cacheInput{
		InputArtifacts:   map[string]cacheNames{},
		InputParameters:  req.Inputs.Parameters,
		OutputArtifacts:  map[string]cacheArtifact{},
		OutputParameters: map[string]ir.ParameterType{},
		Container: cacheContainer{
			Image:   container.Image,
			CmdArgs: slices.Concat(container.Command, container.Args),
			Claims:  req.Pod.Claims(),
		},
		Contents:   map[string][]string{},
		Entrypoint: len(container.Command) == 0 && len(container.Args) > 0,
	}
	for _, v := range container.Env {
		in.Container.Env = append(in.Container.Env, cacheEnvVar{Name: v.Name, Value: v.Value})
	}
	for name, artifacts := range req.Inputs.Artifacts {
		var names cacheNames
		for _, a := range artifacts {
			names.Names = append(names.Names, a.Name)
			in.Contents[name] = append(in.Contents[name], req.identity(a))
		}
		in.InputArtifacts[name] = names
	}
	for name, def := range c.OutputDefinitions.Artifacts {
		in.OutputArtifacts[name] = cacheArtifact{Name: name, Type: cacheType(def.ArtifactType), Metadata: def.Metadata}
	}
	for name, def := range c.OutputDefinitions.Parameters {
		in.OutputParameters[name] = def.ParameterType
	}
	return in
}

// ContentStamp starts the stamps that say all about a content, wherever it is.
const ContentStamp = "content:"

// identity tells two artifacts of a name apart. Metadata counts beside the
// content: a step may read it.
func (req Request) identity(a ir.Artifact) string {
	content := a.Digest
	if content == "" {
		content = req.Stamps[a.URI]
		if !strings.HasPrefix(content, ContentStamp) {
			content = a.URI + "\x00" + content
		}
	}
	return a.Type + "\x00" + content + "\x00" + metadataText(a.Metadata)
}

// metadataText is metadata as text. None and an empty one are the same: which of
// the two there is depends on where it comes from.
func metadataText(metadata map[string]any) string {
	if len(metadata) == 0 {
		return ""
	}
	text, err := compactJSON(metadata)
	if err != nil {
		return "" // it came out of JSON, so this cannot be
	}
	return string(text)
}
