package main

import "encoding/json"

// decoded reads what JSON was read as into a type.
func decoded[T any](raw any) (*T, error) {
	data, err := json.Marshal(raw)
	if err != nil {
		return nil, err
	}
	out := new(T)
	return out, json.Unmarshal(data, out)
}

// copied is a deep copy of what JSON was read as.
func copied(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, each := range v {
			out[name] = copied(each)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, each := range v {
			out[i] = copied(each)
		}
		return out
	}
	return value
}
