package kube

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Column is a column of the tables in which clients that print ask for objects.
type Column struct {
	Name        string
	Type        string // string, integer, date ...
	Description string
	Wide        bool // only for those who want more
	// Value is what an object has in it.
	Value func(Object) any
}

// Age is the column that every resource has: how long ago an object was made.
func Age() Column {
	return Column{
		Name: "Age", Type: "date", Description: "How long ago it was made.",
		Value: func(o Object) any { return Since(o.text("creationTimestamp")) },
	}
}

// Since is how long ago a moment was, in the words of kubectl; <unknown> of what is none.
func Since(moment string) string {
	at, err := time.Parse(time.RFC3339, moment)
	if err != nil {
		return "<unknown>"
	}
	return human(time.Since(at))
}

// human writes a duration as kubectl does: two units at most, and one where the second no
// longer matters.
func human(d time.Duration) string {
	seconds := int(d.Seconds())
	minutes, hours := seconds/60, seconds/3600
	days := hours / 24
	switch {
	case seconds < -1:
		return "<invalid>"
	case seconds < 0:
		return "0s"
	case seconds < 2*60:
		return fmt.Sprintf("%ds", seconds)
	case minutes < 10:
		return pair(minutes, "m", seconds%60, "s")
	case minutes < 3*60:
		return fmt.Sprintf("%dm", minutes)
	case hours < 8:
		return pair(hours, "h", minutes%60, "m")
	case hours < 2*24:
		return fmt.Sprintf("%dh", hours)
	case days < 8:
		return pair(days, "d", hours%24, "h")
	case days < 2*365:
		return fmt.Sprintf("%dd", days)
	case days < 8*365:
		return pair(days/365, "y", days%365, "d")
	}
	return fmt.Sprintf("%dy", days/365)
}

func pair(large int, unit string, small int, below string) string {
	if small == 0 {
		return fmt.Sprintf("%d%s", large, unit)
	}
	return fmt.Sprintf("%d%s%d%s", large, unit, small, below)
}

// tabular reports whether a client asks for a table rather than for objects. Of several
// types that it takes the first that is served counts.
func tabular(r *http.Request) bool {
	for media := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		parts := strings.Split(media, ";")
		switch strings.TrimSpace(parts[0]) {
		case "application/json", "*/*", "application/*":
		default:
			continue
		}
		asked := map[string]string{}
		for _, part := range parts[1:] {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			asked[name] = value
		}
		if asked["as"] == "" {
			return false
		}
		if asked["as"] == "Table" && asked["g"] == "meta.k8s.io" && asked["v"] == "v1" {
			return true
		}
	}
	return false
}

// columns are those of the resource, the name first.
func (r *Resource) columns() []Column {
	if r.Happenings {
		return r.Columns
	}
	all := []Column{{Name: "Name", Type: "string", Description: "Name of the object.", Value: func(o Object) any { return o.name() }}}
	if r.Columns == nil {
		return append(all, Age())
	}
	return append(all, r.Columns...)
}

// table is objects as a table. What of an object each row has, besides its cells, the
// client says.
func (r *Resource) table(q *http.Request, items []Object, meta map[string]any) Object {
	definitions := []any{}
	for _, c := range r.columns() {
		format, priority := "", 0
		if c.Name == "Name" {
			format = "name"
		}
		if c.Wide {
			priority = 1
		}
		definitions = append(definitions, Object{
			"name": c.Name, "type": c.Type, "format": format, "description": c.Description, "priority": priority,
		})
	}
	rows := []any{}
	for _, item := range items {
		cells := []any{}
		for _, c := range r.columns() {
			cells = append(cells, c.Value(item))
		}
		row := Object{"cells": cells}
		switch q.URL.Query().Get("includeObject") {
		case "None":
		case "Object":
			row["object"] = item
		default:
			row["object"] = Object{"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}
		}
		rows = append(rows, row)
	}
	return Object{"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta, "columnDefinitions": definitions, "rows": rows}
}

// one is an object as a client wants it.
func (r *Resource) one(q *http.Request, o Object) Object {
	if !tabular(q) {
		return o
	}
	return r.table(q, []Object{o}, map[string]any{"resourceVersion": o.text("resourceVersion")})
}

// Path finds a value in an object by the names of its fields; nil when there is none.
func Path(o Object, names ...string) any {
	var value any = map[string]any(o)
	for _, name := range names {
		fields, ok := value.(map[string]any)
		if !ok {
			if object, isObject := value.(Object); isObject {
				fields, ok = map[string]any(object), true
			}
		}
		if !ok {
			return nil
		}
		value = fields[name]
	}
	return value
}

// LastCondition is the column that Kubeflow's kinds have: the type of the condition that
// came last.
func LastCondition() Column {
	return Column{Name: "State", Type: "string", Value: func(o Object) any {
		conditions, _ := Path(o, "status", "conditions").([]any)
		if len(conditions) == 0 {
			return ""
		}
		last, _ := conditions[len(conditions)-1].(map[string]any)
		return last["type"]
	}}
}
