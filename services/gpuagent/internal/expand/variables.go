package expand

import "strings"

// Variables fills in $(NAME) from a look-up, as Kubernetes does in what a container
// is given: $$(NAME) is a literal $(NAME), and what names no variable stays as it is.
func Variables(text string, lookUp func(name string) (value string, ok bool)) string {
	if !strings.Contains(text, "$") {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], "$$"):
			out.WriteByte('$')
			i += 2
		case strings.HasPrefix(text[i:], "$("):
			name, _, closed := strings.Cut(text[i+2:], ")")
			if !closed {
				out.WriteString("$(")
				i += 2
				continue
			}
			value, ok := lookUp(name)
			if !ok {
				value = "$(" + name + ")"
			}
			out.WriteString(value)
			i += len(name) + len("$()")
		default:
			out.WriteByte(text[i])
			i++
		}
	}
	return out.String()
}
