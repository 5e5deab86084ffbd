package arch

import (
	"fmt"
	"strings"
)

// Module is the path of this module.
const Module = "github.com/kfmesh/kfmesh"

// Layer is a group of packages and what they may import of this module. Paths
// are relative to the module.
type Layer struct {
	Packages []Pattern
	May      []Pattern
	Why      string
}

// Ban keeps outside packages to a few importers of this module.
type Ban struct {
	Imports []Pattern
	Only    []Pattern
	Why     string
}

// Package is a package of this module and what it imports. Tests are not part
// of it.
type Package struct {
	Path    string // relative to the module; "" for its root
	Imports []string
}

// Rules are all the import rules.
type Rules struct {
	Layers []Layer // the first one that matches a package governs it
	Bans   []Ban
}

// Check returns one sentence for each import that the rules forbid.
func (r Rules) Check(packages []Package) []string {
	var violations []string
	for _, pkg := range packages {
		layer, vars, ok := r.layerOf(pkg.Path)
		if !ok {
			violations = append(violations, fmt.Sprintf(
				"%s belongs to no layer: put it where the layout has room for it, or add a layer to test/arch/rules.go", pkg.Path))
			continue
		}
		for _, imported := range pkg.Imports {
			if why := r.forbids(layer, vars, pkg.Path, imported); why != "" {
				violations = append(violations, fmt.Sprintf("%s imports %s: %s", pkg.Path, imported, why))
			}
		}
	}
	return violations
}

// layerOf finds the layer that governs a package.
func (r Rules) layerOf(path string) (Layer, map[string]string, bool) {
	for _, layer := range r.Layers {
		for _, p := range layer.Packages {
			if vars, ok := p.Match(path, nil); ok {
				return layer, vars, true
			}
		}
	}
	return Layer{}, nil, false
}

// forbids returns why an import is forbidden, or "" when it is not.
func (r Rules) forbids(layer Layer, vars map[string]string, path, imported string) string {
	if inside, ok := strings.CutPrefix(imported, Module+"/"); ok {
		if matchAny(layer.May, inside, vars) {
			return ""
		}
		return layer.Why
	}
	for _, ban := range r.Bans {
		if matchAny(ban.Imports, imported, nil) && !matchAny(ban.Only, path, nil) {
			return ban.Why
		}
	}
	return ""
}
