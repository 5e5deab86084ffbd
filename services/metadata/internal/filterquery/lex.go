package filterquery

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// tokenKind says what a token is.
type tokenKind int

const (
	end    tokenKind = iota
	word             // keyword, part of a key, number
	quoted           // text in single or double quotes
	ticked           // part of a key in backticks
	sign             // operator or punctuation
)

// token is a piece of a filter.
type token struct {
	kind tokenKind
	text string // without quotes
	at   int    // in bytes from 0
}

// is reports whether a token is a keyword.
func (t token) is(keyword string) bool { return t.kind == word && strings.EqualFold(t.text, keyword) }

// lex cuts a filter into tokens, of which the last is an end.
func lex(text string) ([]token, error) {
	var tokens []token
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		if unicode.IsSpace(r) {
			at += size
			continue
		}
		t, length, err := next(text, at, r)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		at += length
	}
	return append(tokens, token{kind: end, at: len(text)}), nil
}

// next reads the token that begins at a place and returns its length.
func next(text string, at int, first rune) (token, int, error) {
	rest := text[at:]
	switch first {
	case '\'', '"':
		return quotation(text, at, quoted)
	case '`':
		return quotation(text, at, ticked)
	}
	for _, s := range []string{"<=", ">=", "!=", "<>", "=", "<", ">", "(", ")", ",", "."} {
		if strings.HasPrefix(rest, s) {
			return token{kind: sign, text: s, at: at}, len(s), nil
		}
	}
	length := strings.IndexFunc(rest, func(r rune) bool { return !wordRune(r) })
	switch {
	case length < 0:
		length = len(rest)
	case length == 0:
		return token{}, 0, wrong(at, "%q is not expected here", string(first))
	}
	if isDigit(first) || first == '-' || first == '+' {
		length = numberLength(rest)
	}
	return token{kind: word, text: rest[:length], at: at}, length, nil
}

func wordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || r == '_' || r == '-' || r == '+'
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// numberLength is the length of a number, whose point is no separator.
func numberLength(text string) int {
	length := strings.IndexFunc(text, func(r rune) bool { return !wordRune(r) && r != '.' })
	if length < 0 {
		return len(text)
	}
	return length
}

// quotation reads a text in quotes; a quote inside is written twice.
func quotation(text string, at int, kind tokenKind) (token, int, error) {
	quote := text[at]
	var b strings.Builder
	for i := at + 1; i < len(text); i++ {
		switch {
		case text[i] != quote:
			b.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == quote:
			b.WriteByte(quote)
			i++
		default:
			return token{kind: kind, text: b.String(), at: at}, i + 1 - at, nil
		}
	}
	return token{}, 0, wrong(at, "the text that begins here has no closing %c", quote)
}

// wrong says what is wrong with a filter and where.
func wrong(at int, format string, args ...any) error {
	problem := fault.Invalidf("filterQuery", "at character %d: "+format, append([]any{at + 1}, args...)...)
	return problem
}
