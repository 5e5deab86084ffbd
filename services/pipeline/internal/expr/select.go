package expr

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// root is how every selector begins.
const root = "parseJson(string_value)"

// Select applies a parameterExpressionSelector such as
// parseJson(string_value)["key"][0] to a value. An empty selector is the value
// itself; a string value is parsed as JSON first.
func Select(selector string, value any) (any, error) {
	keys, err := parseSelector(selector)
	if err != nil || selector == "" {
		return value, err
	}
	if text, ok := value.(string); ok {
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			return nil, fault.New(fault.Invalid, "%s needs JSON, and the value is the text %.60q", selector, text)
		}
	}
	for _, key := range keys {
		part, ok := key.of(value)
		if !ok {
			return nil, fault.New(fault.Invalid, "%s: the value has no %s", selector, key)
		}
		value = part
	}
	return value, nil
}

// Entry is the selector of one entry of a mapping.
func Entry(key string) string { return root + `["` + key + `"]` }

// CheckSelector says with fault.Invalid why a selector cannot be read.
func CheckSelector(selector string) error {
	_, err := parseSelector(selector)
	return err
}

// key picks one entry of a mapping or one item of a list.
type key struct {
	name   string
	index  int
	byName bool
}

func (k key) of(value any) (any, bool) {
	switch v := value.(type) {
	case map[string]any:
		part, ok := v[k.name]
		return part, ok && k.byName
	case []any:
		if k.byName || k.index >= len(v) {
			return nil, false
		}
		return v[k.index], true
	}
	return nil, false
}

// String shows the key in a message.
func (k key) String() string {
	if k.byName {
		return "entry " + strconv.Quote(k.name)
	}
	return "item " + strconv.Itoa(k.index)
}

func parseSelector(selector string) ([]key, error) {
	if selector == "" {
		return nil, nil
	}
	refused := fault.New(fault.Invalid, `%q is not a selector; it would be one such as parseJson(string_value)["key"]`, selector)
	rest, ok := strings.CutPrefix(strings.TrimSpace(selector), root)
	if !ok {
		return nil, refused
	}
	var keys []key
	for rest != "" {
		k, after, ok := parseKey(rest)
		if !ok {
			return nil, refused
		}
		keys, rest = append(keys, k), after
	}
	return keys, nil
}

// parseKey reads one ["name"], ['name'] or [0] from the front of text. A name
// may hold quotes and brackets: the SDK does not escape them.
func parseKey(text string) (k key, rest string, ok bool) {
	inner, ok := strings.CutPrefix(text, "[")
	if !ok || inner == "" {
		return key{}, "", false
	}
	if quote := inner[:1]; quote == `"` || quote == `'` {
		name, rest, found := strings.Cut(inner[1:], quote+"]")
		return key{name: name, byName: true}, rest, found
	}
	digits, rest, found := strings.Cut(inner, "]")
	index, err := strconv.Atoi(digits)
	return key{index: index}, rest, found && err == nil && index >= 0
}
