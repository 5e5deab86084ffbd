package pyenv

import "strings"

// word is one word of a shell script after quotes were removed.
type word struct {
	text    string
	dynamic bool // it holds an expansion or pattern, so its text is not known
}

// simple is one simple command of a script, its words, and whether it is certain
// to run when the script gets there: it is not in a branch, loop, function or
// pipeline, and its failure is not made up for by ||.
type simple struct {
	words   []word
	certain bool
}

// simples returns the simple commands of a POSIX shell script, as far as they can
// be told without running it, and whether those are all: it stops at a here-document.
func simples(script string) (found []simple, all bool) {
	l, s := lexer{text: script}, splitter{}
	for {
		w, operator, ok := l.next()
		switch {
		case !ok:
			s.end("")
			return s.found, !l.broken
		case operator != "":
			s.operator(operator)
		default:
			s.word(w)
		}
	}
}

// splitter gathers words into simple commands.
type splitter struct {
	found   []simple
	current []word
	depth   int  // of branches, loops, groups and subshells
	rescued bool // the command comes after || or |
}

func (s *splitter) operator(operator string) {
	s.end(operator)
	switch operator {
	case "(":
		s.depth++
	case ")":
		s.depth--
	}
}

// word takes a word; reserved words count only where a command may begin.
func (s *splitter) word(w word) {
	switch {
	case len(s.current) > 0:
		s.current = append(s.current, w)
	case opens(w.text):
		s.depth++
	case closes(w.text):
		s.depth--
	case !glue(w.text):
		s.current = append(s.current, w)
	}
}

// end closes the command that an operator ends.
func (s *splitter) end(operator string) {
	excused := operator == "||" || operator == "|" || operator == "&"
	if len(s.current) > 0 {
		s.found = append(s.found, simple{words: s.current, certain: s.depth == 0 && !s.rescued && !excused})
	}
	s.current, s.rescued = nil, operator == "||" || operator == "|"
}

func opens(word string) bool {
	switch word {
	case "if", "while", "until", "for", "case", "{":
		return true
	}
	return false
}

func closes(word string) bool {
	switch word {
	case "fi", "done", "esac", "}":
		return true
	}
	return false
}

func glue(word string) bool {
	switch word {
	case "then", "else", "elif", "do", "!", "time", "exec", "command":
		return true
	}
	return false
}

// lexer splits a script into words and operators.
type lexer struct {
	text   string
	at     int
	broken bool // the rest cannot be told
}

// next returns a word or an operator; a line feed is the operator ";". It
// returns false at the end, and where the text cannot be told any more.
func (l *lexer) next() (word, string, bool) {
	for l.at < len(l.text) {
		rest := l.text[l.at:]
		switch {
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r':
			l.at++
		case strings.HasPrefix(rest, "\\\n"):
			l.at += 2
		case rest[0] == '#':
			if i := strings.IndexByte(rest, '\n'); i >= 0 {
				l.at += i
			} else {
				l.at = len(l.text)
			}
		case rest[0] == '\n':
			l.at++
			return word{}, ";", true
		case strings.HasPrefix(rest, "<<"):
			l.broken = true
			return word{}, "", false
		default:
			if operator := operatorAt(rest); operator != "" {
				l.at += len(operator)
				return word{}, operator, true
			}
			w, ok := l.word()
			l.broken = !ok
			return w, "", ok
		}
	}
	return word{}, "", false
}

func operatorAt(text string) string {
	for _, operator := range []string{"&&", "||", ";;", ";", "|", "&", "(", ")"} {
		if strings.HasPrefix(text, operator) {
			return operator
		}
	}
	return ""
}

// word reads a word; false when a quote or expansion never ends.
func (l *lexer) word() (word, bool) {
	var w word
	var text strings.Builder
	for l.at < len(l.text) {
		c := l.text[l.at]
		switch {
		case strings.IndexByte(" \t\r\n;&|()", c) >= 0:
			w.text = text.String()
			return w, true
		case c == '\'':
			quoted, ok := l.until('\'')
			if !ok {
				return word{}, false
			}
			text.WriteString(quoted)
		case c == '"':
			if !l.doubleQuoted(&w, &text) {
				return word{}, false
			}
		case c == '\\' && l.at+1 < len(l.text):
			if l.text[l.at+1] != '\n' {
				text.WriteByte(l.text[l.at+1])
			}
			l.at += 2
		case c == '$' || c == '`':
			w.dynamic = true
			if !l.expansion() {
				return word{}, false
			}
		default:
			if strings.IndexByte("*?[~<>", c) >= 0 {
				w.dynamic = true
			}
			text.WriteByte(c)
			l.at++
		}
	}
	w.text = text.String()
	return w, true
}

// until reads a quoted stretch up to its closing byte.
func (l *lexer) until(closing byte) (string, bool) {
	i := strings.IndexByte(l.text[l.at+1:], closing)
	if i < 0 {
		return "", false
	}
	quoted := l.text[l.at+1 : l.at+1+i]
	l.at += i + 2
	return quoted, true
}

func (l *lexer) doubleQuoted(w *word, text *strings.Builder) bool {
	for l.at++; l.at < len(l.text); {
		c := l.text[l.at]
		switch {
		case c == '"':
			l.at++
			return true
		case c == '\\' && l.at+1 < len(l.text):
			if next := l.text[l.at+1]; strings.IndexByte("\"\\$`", next) >= 0 {
				text.WriteByte(next)
			} else if next != '\n' {
				text.WriteString(l.text[l.at : l.at+2])
			}
			l.at += 2
		case c == '$' || c == '`':
			w.dynamic = true
			if !l.expansion() {
				return false
			}
		default:
			text.WriteByte(c)
			l.at++
		}
	}
	return false
}

// expansion skips $name, ${...}, $(...) or `...`.
func (l *lexer) expansion() bool {
	if l.text[l.at] == '`' {
		_, ok := l.until('`')
		return ok
	}
	l.at++
	if l.at >= len(l.text) || l.text[l.at] != '(' && l.text[l.at] != '{' {
		return true
	}
	depth := 0
	for ; l.at < len(l.text); l.at++ {
		switch l.text[l.at] {
		case '(', '{':
			depth++
		case ')', '}':
			if depth--; depth == 0 {
				l.at++
				return true
			}
		}
	}
	return false
}
