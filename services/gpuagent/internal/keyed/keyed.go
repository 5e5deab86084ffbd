// Package keyed says what secrets and config maps may be called and may hold, as
// Kubernetes says it, so that what runs here runs there.
//
// The package is pure. No sentence it makes holds a value.
package keyed

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// MaxBytes is how much the values of one secret or config map may be together.
const MaxBytes = 1 << 20

// nameForm is a DNS subdomain (RFC 1123), which is what Kubernetes lets objects
// be called.
var nameForm = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

// Limits of names and keys, as in Kubernetes.
const (
	maxName = 253
	maxKey  = 253
)

// CheckName says what is wrong with the name of a secret, config map or volume,
// and nothing when it is right.
func CheckName(field, name string) []fault.Violation {
	if len(name) <= maxName && nameForm.MatchString(name) {
		return nil
	}
	return []fault.Violation{{Field: field, Reason: fmt.Sprintf(
		"%q: want 1 to %d lower-case letters, digits, '-' and '.', with a letter or digit at both ends of each part", clip(name), maxName)}}
}

// keyForm is what keys may be: they become names of files and of variables.
var keyForm = regexp.MustCompile(`^[-._A-Za-z0-9]+$`)

// CheckKey says what is wrong with a key, and nothing when it is right.
func CheckKey(field, key string) []fault.Violation {
	switch {
	case len(key) > maxKey || !keyForm.MatchString(key):
		return []fault.Violation{{Field: field, Reason: fmt.Sprintf(
			"key %q: want 1 to %d letters, digits, '-', '_' and '.'", clip(key), maxKey)}}
	case key == "." || strings.HasPrefix(key, ".."):
		return []fault.Violation{{Field: field, Reason: fmt.Sprintf("key %q would be a file that leaves its directory", clip(key))}}
	}
	return nil
}

// CheckSize says whether values are too large together.
func CheckSize(field string, total int64) []fault.Violation {
	if total <= MaxBytes {
		return nil
	}
	return []fault.Violation{{Field: field, Reason: fmt.Sprintf(
		"the values are %d bytes together, and may be %d: keep large files in the object store or a volume", total, MaxBytes)}}
}

// clip shortens what a user gave so that an answer stays readable.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}
