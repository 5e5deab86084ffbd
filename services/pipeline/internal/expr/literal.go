package expr

import "strings"

// escapeLiterals escapes quotes and backslashes inside the single-quoted
// literals of an expression and reports whether that changed it. The SDK's
// compiler writes == 'it's' for a comparison with it's, so where a literal ends
// has to be guessed: at the quote after which an expression can go on.
func escapeLiterals(expression string) (string, bool) {
	var b strings.Builder
	rest := expression
	for {
		before, literal, found := strings.Cut(rest, "'")
		b.WriteString(before)
		if !found {
			break
		}
		end := literalEnd(literal)
		if end < 0 {
			return expression, false
		}
		b.WriteByte('\'')
		b.WriteString(strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`).Replace(literal[:end]))
		b.WriteByte('\'')
		rest = literal[end+1:]
	}
	escaped := b.String()
	return escaped, escaped != expression
}

// literalEnd is the position of the quote that ends the literal, -1 if none does.
func literalEnd(text string) int {
	for i := range len(text) {
		if text[i] == '\'' && goesOn(strings.TrimLeft(text[i+1:], " \t\r\n")) {
			return i
		}
	}
	return -1
}

// goesOn reports whether an expression can continue like this after a literal.
func goesOn(rest string) bool {
	if rest == "" {
		return true
	}
	for _, next := range []string{")", "]", ",", "&&", "||", "==", "!=", "<", ">", "?", ":"} {
		if strings.HasPrefix(rest, next) {
			return true
		}
	}
	return false
}
