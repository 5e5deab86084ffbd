package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var (
	// lineOf is how a parser of YAML says where something is wrong.
	lineOf = regexp.MustCompile(`\bline (\d+):`)
	// ofParser is what parsers say before that.
	ofParser = regexp.MustCompile(`^(?:error converting YAML to JSON: )?yaml: (?:unmarshal errors:\s+)?`)
)

// inFile is what is wrong with a document, by lines of its file instead of its own.
func inFile(err error, before int) string {
	text := ofParser.ReplaceAllString(err.Error(), "")
	return lineOf.ReplaceAllStringFunc(text, func(found string) string {
		line, _ := strconv.Atoi(lineOf.FindStringSubmatch(found)[1])
		return fmt.Sprintf("line %d:", line+before)
	})
}

// twice finds a key that is there twice in one mapping, of which only the last would count,
// and the line of the second; 0 when there is none. What is merged (<<) may be said anew.
func twice(document []byte) (key string, line int) {
	var root yaml.Node
	if err := yaml.Unmarshal(document, &root); err != nil {
		return "", 0 // it has been read otherwise
	}
	return twiceIn(&root)
}

func twiceIn(n *yaml.Node) (key string, line int) {
	seen := map[string]bool{}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if child.Tag != "!!merge" && seen[child.Value] {
				return child.Value, child.Line
			}
			seen[child.Value] = true
		}
		if key, line := twiceIn(child); line > 0 {
			return key, line
		}
	}
	return "", 0
}

// mistyped says where a value of another kind stands than is wanted there.
func mistyped(err error) string {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case !ok:
		return err.Error()
	case wrong.Field == "":
		return "it is " + article(wrong.Value) + "; want apiVersion, kind, metadata and spec"
	}
	return wrong.Field + " is " + article(wrong.Value)
}

// article puts one before the name of a type of JSON's.
func article(of string) string {
	if strings.ContainsRune("aeiou", rune(of[0])) {
		return "an " + of
	}
	return "a " + of
}
