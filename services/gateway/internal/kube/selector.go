package kube

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// selection says which objects are meant.
type selection struct {
	labels []requirement
	fields []requirement
}

// requirement is one condition of a selector.
type requirement struct {
	key    string
	op     string // =, !=, in, notin, exists, !
	values []string
}

// selectable are the fields that all objects can be selected by.
var selectable = []string{"metadata.name", "metadata.namespace"}

// selection reads which objects a request means.
func (r *Resource) selection(q *http.Request) (selection, error) {
	labels, err := parseSelector(q.URL.Query().Get("labelSelector"))
	if err != nil {
		return selection{}, err
	}
	fields, err := parseSelector(q.URL.Query().Get("fieldSelector"))
	if err != nil {
		return selection{}, err
	}
	for _, f := range fields {
		if !slices.Contains(selectable, f.key) && !slices.Contains(r.Fields, f.key) {
			return selection{}, badRequest("field label not supported: %s", f.key)
		}
	}
	return selection{labels: labels, fields: fields}, nil
}

// name is the one that is meant; empty when several may be.
func (s selection) name() string {
	for _, r := range s.fields {
		if r.key == "metadata.name" && r.op == "=" {
			return r.values[0]
		}
	}
	return ""
}

// certain are the values that whatever meets the requirements has.
func certain(all []requirement) map[string]string {
	values := map[string]string{}
	for _, r := range all {
		if (r.op == "=" || r.op == "in") && len(r.values) == 1 {
			values[r.key] = r.values[0]
		}
	}
	return values
}

func (s selection) has(o Object) bool {
	labels := o.labels()
	for _, r := range s.labels {
		if !r.holds(labels) {
			return false
		}
	}
	for _, r := range s.fields {
		// What is missing is empty, as in Kubernetes.
		value, _ := Path(o, strings.Split(r.key, ".")...).(string)
		if !r.holds(map[string]string{r.key: value}) {
			return false
		}
	}
	return true
}

func (r requirement) holds(of map[string]string) bool {
	value, there := of[r.key]
	switch r.op {
	case "exists":
		return there
	case "!":
		return !there
	case "=", "in":
		return there && slices.Contains(r.values, value)
	default: // != and notin hold of what is not there, too
		return !there || !slices.Contains(r.values, value)
	}
}

var (
	setBased = regexp.MustCompile(`^([^\s=!(),]+)\s+(in|notin)\s*\(([^()]*)\)$`)
	equality = regexp.MustCompile(`^([^\s=!(),]+)\s*(==|=|!=)\s*([^\s=!(),]*)$`)
	presence = regexp.MustCompile(`^(!?)\s*([^\s=!(),]+)$`)
)

// parseSelector reads a selector such as "a=b,c!=d,e in (f,g),!h".
func parseSelector(text string) ([]requirement, error) {
	var all []requirement
	for _, part := range split(text) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		switch {
		case setBased.MatchString(part):
			m := setBased.FindStringSubmatch(part)
			r := requirement{key: m[1], op: m[2]}
			for value := range strings.SplitSeq(m[3], ",") {
				r.values = append(r.values, strings.TrimSpace(value))
			}
			all = append(all, r)
		case equality.MatchString(part):
			m := equality.FindStringSubmatch(part)
			all = append(all, requirement{key: m[1], op: strings.Replace(m[2], "==", "=", 1), values: []string{m[3]}})
		case presence.MatchString(part):
			m := presence.FindStringSubmatch(part)
			op := "exists"
			if m[1] != "" {
				op = m[1]
			}
			all = append(all, requirement{key: m[2], op: op})
		default:
			return nil, badRequest("unable to parse requirement: %q; want such as a=b, a!=b, a in (b,c), a notin (b,c), a or !a", part)
		}
	}
	return all, nil
}

// split cuts at the commas that are in no parentheses.
func split(text string) []string {
	var parts []string
	depth, from := 0, 0
	for i, c := range text {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			parts = append(parts, text[from:i])
			from = i + 1
		}
	}
	return append(parts, text[from:])
}
