package placeholder

import (
	"encoding/json"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// ifPresent is the struct placeholder whose value depends on whether an
// optional input was given.
type ifPresent struct {
	InputName string
	Then      json.RawMessage
	Else      json.RawMessage
}

// structure is a struct placeholder: one of its fields is set.
type structure struct {
	IfPresent *ifPresent
	Concat    []json.RawMessage
}

// ResolveArgs resolves arguments, where a whole argument may be a struct
// placeholder that expands to none, one or several.
func (s *Scope) ResolveArgs(args []string) ([]string, error) {
	resolved := make([]string, 0, len(args))
	for _, arg := range args {
		expanded, err := s.expand(arg)
		if err != nil {
			return nil, err
		}
		for _, text := range expanded {
			value, err := s.Resolve(text)
			if err != nil {
				return nil, err
			}
			resolved = append(resolved, value)
		}
	}
	return resolved, nil
}

// expand returns the arguments that one stands for, with references in them.
func (s *Scope) expand(arg string) ([]string, error) {
	trimmed := strings.TrimSpace(arg)
	if !strings.HasPrefix(trimmed, `{"IfPresent"`) && !strings.HasPrefix(trimmed, `{"Concat"`) {
		return []string{arg}, nil
	}
	return s.expandJSON(json.RawMessage(trimmed), 0)
}

// maxDepth is how deep struct placeholders may be in each other. Every level is
// read again, so that the cost grows with the square of the depth.
const maxDepth = 100

func (s *Scope) expandJSON(raw json.RawMessage, depth int) ([]string, error) {
	if depth > maxDepth {
		return nil, fault.New(fault.Invalid, "placeholders are nested more than %d deep", maxDepth)
	}
	var text string
	if json.Unmarshal(raw, &text) == nil && len(raw) > 0 && raw[0] == '"' {
		return []string{text}, nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		return s.expandList(list, depth+1)
	}
	var node structure
	if err := json.Unmarshal(raw, &node); err != nil {
		return nil, fault.New(fault.Invalid, "%s is not a placeholder: %v", raw, err)
	}
	switch {
	case node.IfPresent != nil:
		return s.expandIf(node.IfPresent, depth+1)
	case node.Concat != nil:
		parts, err := s.expandList(node.Concat, depth+1)
		return []string{strings.Join(parts, "")}, err
	}
	return nil, fault.New(fault.Invalid, `%s is not a placeholder: it must be {"IfPresent": ...} or {"Concat": [...]}`, raw)
}

func (s *Scope) expandList(list []json.RawMessage, depth int) ([]string, error) {
	var all []string
	for _, item := range list {
		expanded, err := s.expandJSON(item, depth)
		if err != nil {
			return nil, err
		}
		all = append(all, expanded...)
	}
	return all, nil
}

func (s *Scope) expandIf(p *ifPresent, depth int) ([]string, error) {
	branch := p.Else
	if s.present(p.InputName) {
		branch = p.Then
	}
	if len(branch) == 0 || string(branch) == "null" {
		return nil, nil
	}
	return s.expandJSON(branch, depth)
}

// present reports whether an input was given; a null parameter was not.
func (s *Scope) present(input string) bool {
	return s.Inputs.Parameters[input] != nil || len(s.Inputs.Artifacts[input]) > 0
}
