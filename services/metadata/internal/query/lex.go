package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind is what a token is.
type tokenKind int

const (
	end       tokenKind = iota
	word                // a run of anything that no other token begins with
	quoted              // something in quotes of one kind
	unclosed            // a quote and all that follows it
	operator            // a run of = ! < > ~
	opening             // (
	closing             // )
	comma               // ,
	semicolon           // ;
)

// token is a piece of a filter.
type token struct {
	kind  tokenKind
	text  string // as it stands there
	start int    // in bytes
}

// after is where the token ends, in bytes.
func (t token) after() int { return t.start + len(t.text) }

// quote is the quote of a quoted token, 0 for others.
func (t token) quote() byte {
	if t.kind != quoted {
		return 0
	}
	return t.text[0]
}

// content is a quoted token without its quotes, and other tokens as they are.
func (t token) content() string {
	if t.kind != quoted {
		return t.text
	}
	q := t.text[:1]
	return strings.ReplaceAll(t.text[1:len(t.text)-1], q+q, q)
}

// is reports whether the token is a keyword.
func (t token) is(keyword string) bool { return t.kind == word && strings.EqualFold(t.text, keyword) }

const (
	quotes    = "'\"`"
	operators = "=!<>~"
)

var punctuation = map[byte]tokenKind{'(': opening, ')': closing, ',': comma, ';': semicolon}

// lex cuts text into tokens, of which the last is end and stands behind it.
func lex(text string) []token {
	var tokens []token
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if unicode.IsSpace(r) {
			i += size
			continue
		}
		t := next(text[i:])
		t.start = i
		tokens = append(tokens, t)
		i = t.after()
	}
	return append(tokens, token{kind: end, start: len(text)})
}

// next is the token that text begins with.
func next(text string) token {
	first := text[0]
	if kind, ok := punctuation[first]; ok {
		return token{kind: kind, text: text[:1]}
	}
	switch {
	case strings.IndexByte(quotes, first) >= 0:
		return quotedToken(text)
	case strings.IndexByte(operators, first) >= 0:
		return token{kind: operator, text: text[:len(text)-len(strings.TrimLeft(text, operators))]}
	}
	length := strings.IndexFunc(text, endsWord)
	if length < 0 {
		length = len(text)
	}
	return token{kind: word, text: text[:length]}
}

// quotedToken reads up to the closing quote; two quotes are one that does not close.
func quotedToken(text string) token {
	for i := 1; i < len(text); i++ {
		if text[i] != text[0] {
			continue
		}
		if i+1 < len(text) && text[i+1] == text[0] {
			i++
			continue
		}
		return token{kind: quoted, text: text[:i+1]}
	}
	return token{kind: unclosed, text: text}
}

func endsWord(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune(quotes+operators+"(),;", r)
}
