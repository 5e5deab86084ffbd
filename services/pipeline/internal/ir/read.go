package ir

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Limits on a file. They are far above what a pipeline needs and low enough
// that reading a hostile file costs little.
const (
	maxBytes     = 32 << 20
	maxDocuments = 8
	maxDepth     = 200
	maxNodes     = 1_000_000 // after aliases are replaced by what they stand for
	maxAliases   = 1_000
)

// readMaps reads a file of mappings, in YAML or JSON, without empty documents.
func readMaps(content []byte) ([]map[string]any, error) {
	if len(content) > maxBytes {
		return nil, fault.Invalidf("", "the pipeline is %d bytes; at most %d are read", len(content), maxBytes)
	}
	trimmed := bytes.TrimSpace(content)
	if len(trimmed) == 0 {
		return nil, fault.Invalidf("", "the file is empty; it must be a compiled pipeline in YAML or JSON")
	}
	if trimmed[0] == '{' {
		if m, err := readJSON(trimmed); err == nil {
			return []map[string]any{m}, nil
		}
		// Flow-style YAML begins with a brace as well.
	}
	return readYAML(content)
}

func readJSON(content []byte) (map[string]any, error) {
	var m map[string]any
	if err := json.Unmarshal(content, &m); err != nil {
		return nil, err
	}
	return m, nil
}

func readYAML(content []byte) ([]map[string]any, error) {
	var maps []map[string]any
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for range maxDocuments {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return maps, nil
		}
		if err != nil {
			return nil, fault.Invalidf("", "the file is neither YAML nor JSON: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		}
		value, err := (&yamlReader{}).value(&node, 0)
		if err != nil {
			return nil, err
		}
		switch v := value.(type) {
		case nil:
		case map[string]any:
			maps = append(maps, v)
		default:
			return nil, fault.Invalidf("", "line %d: the document is %s; a compiled pipeline is a mapping",
				max(node.Line, 1), kindOf(v))
		}
	}
	return nil, fault.Invalidf("", "the file holds more than %d documents; a pipeline is one, or two with a platform spec", maxDocuments)
}

// yamlReader turns a tree of nodes into what encoding/json would make of it.
type yamlReader struct {
	nodes   int
	aliases int
}

func (r *yamlReader) value(n *yaml.Node, depth int) (any, error) {
	r.nodes++
	if r.nodes > maxNodes {
		return nil, fault.Invalidf("", "line %d: the file unfolds to more than %d values; do not nest YAML aliases", n.Line, maxNodes)
	}
	if depth > maxDepth {
		return nil, fault.Invalidf("", "line %d: values are nested more than %d deep", n.Line, maxDepth)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return r.value(n.Content[0], depth)
	case yaml.AliasNode:
		r.aliases++
		if r.aliases > maxAliases {
			return nil, fault.Invalidf("", "line %d: the file uses more than %d YAML aliases", n.Line, maxAliases)
		}
		return r.value(n.Alias, depth+1)
	case yaml.MappingNode:
		return r.mapping(n, depth)
	case yaml.SequenceNode:
		return r.sequence(n, depth)
	case yaml.ScalarNode:
		return scalar(n)
	default:
		return nil, nil // an empty document
	}
}

func (r *yamlReader) sequence(n *yaml.Node, depth int) (any, error) {
	list := make([]any, 0, len(n.Content))
	for _, item := range n.Content {
		v, err := r.value(item, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func (r *yamlReader) mapping(n *yaml.Node, depth int) (any, error) {
	m := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			return nil, fault.Invalidf("", "line %d: keys must be plain text; merge keys and lists are not supported", key.Line)
		}
		if _, taken := m[key.Value]; taken {
			return nil, fault.Invalidf("", "line %d: the key %q appears twice in one mapping", key.Line, key.Value)
		}
		v, err := r.value(n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		m[key.Value] = v
	}
	return m, nil
}

func scalar(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		var b bool
		err := n.Decode(&b)
		return b, lineError(n, err)
	case "!!int", "!!float":
		var f float64
		if err := n.Decode(&f); err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fault.Invalidf("", "line %d: %q is not a number that JSON can hold", n.Line, n.Value)
		}
		return f, nil
	default:
		return n.Value, nil
	}
}

func lineError(n *yaml.Node, err error) error {
	if err == nil {
		return nil
	}
	return fault.Invalidf("", "line %d: %q cannot be read: %v", n.Line, n.Value, err)
}
