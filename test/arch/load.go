package arch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// Listed is what `go list` says about one package.
type Listed struct {
	ImportPath string
	Name       string
	Dir        string
	Doc        string
	GoFiles    []string
	Imports    []string
}

// Load lists the packages of the module that holds dir.
func Load(ctx context.Context, dir string) ([]Listed, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-json=ImportPath,Name,Dir,Doc,GoFiles,Imports", "./...")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return nil, fmt.Errorf("go list: %w: %s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("go list: %w", err)
	}
	var listed []Listed
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var pkg Listed
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			return listed, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		listed = append(listed, pkg)
	}
}

// Package returns the part of l that the import rules look at.
func (l Listed) Package() Package {
	return Package{Path: l.Path(), Imports: l.Imports}
}

// Path is the import path relative to the module.
func (l Listed) Path() string {
	return strings.TrimPrefix(strings.TrimPrefix(l.ImportPath, Module), "/")
}
