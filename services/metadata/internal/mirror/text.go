package mirror

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

// Limits of tracking on datasets.
const (
	maxDatasetName = 500
	maxDigest      = 36
)

// keyCharacters are those that a key may hold.
const keyCharacters = "_-. :/0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// key makes a name one that tracking takes as a key: of letters, digits and
// "_-. :/", no path that is absolute or climbs, and not too long.
func key(name string) string {
	safe := strings.Map(func(r rune) rune {
		if strings.ContainsRune(keyCharacters, r) {
			return r
		}
		return '_'
	}, name)
	parts := strings.Split(safe, "/")
	for i, part := range parts {
		if part == "" || part == "." || part == ".." {
			parts[i] = "_"
		}
	}
	return cut(strings.Join(parts, "/"), maxKey)
}

// cut is the beginning of a text: at most so many characters. A NUL, which no
// database takes, becomes a replacement character.
func cut(text string, most int) string {
	text = strings.ReplaceAll(text, "\x00", "\uFFFD")
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most])
}

// digestOf is a digest that tells the content of an artifact from others.
func digestOf(a *metadatav1.Artifact) string {
	if hexDigits, ok := strings.CutPrefix(a.GetDigest(), "sha256:"); ok {
		return cut(hexDigits, maxDigest)
	}
	sum := sha256.Sum256([]byte(a.GetUid()))
	return hex.EncodeToString(sum[:maxDigest/2])
}
