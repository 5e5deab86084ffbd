package image

import (
	"strings"
	"testing"
)

func TestLookup(t *testing.T) {
	m, err := parse([]byte(`
images:
  - {pattern: "python:3.8*", python: /opt/py38/bin/python3, env: {A: b}}
  - {pattern: "team/torch:*", system-packages: true}
`))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		image, python string
		known, system bool
	}{
		{"python:3.11", "3.11", true, false},
		{"python:3.11.4-slim@sha256:abc", "3.11.4", true, false},
		{"docker.io/library/python:3.12-bookworm", "3.12", true, false},
		{"python", "", true, false},
		{"python:latest", "", true, false},
		{"python:3.8", "/opt/py38/bin/python3", true, false},
		{"team/torch:2", "", true, true},
		{"alpine:3", "", false, true},
		{"my-python:3.11", "", false, true},
	}
	for _, tt := range tests {
		e, known := m.Lookup(tt.image)
		if e.Python != tt.python || known != tt.known || e.SystemPackages != tt.system {
			t.Errorf("%s: %+v, %v; want python %q, %v, system packages %v", tt.image, e, known, tt.python, tt.known, tt.system)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, says := range map[string]string{
		`images: [{pattern: "["}]`:       "images[0].pattern",
		`images: [{python: "3"}]`:        "images[0].pattern",
		`images: [{patern: "python:*"}]`: "patern",
		`images: {pattern: 3}`:           "cannot unmarshal",
	} {
		if _, err := parse([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v, want one with %q", text, err, says)
		}
	}
	if _, err := parse(nil); err != nil {
		t.Errorf("an empty map: %v", err)
	}
}
