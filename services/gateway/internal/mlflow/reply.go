package mlflow

import (
	"errors"
	"io"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// reply is a JSON object that is being written, as MLflow writes protobufs: names
// in snake case, 64-bit integers as numbers, NaN and infinities as texts.
type reply struct {
	b    []byte
	to   io.Writer // where it goes
	room room      // in which it is written; nil where it is small
	sent bool      // whether some of it has gone already
	slow bool      // whether the client has let it wait
}

// pass sends what is written so far and forgets it. From then on the answer can
// only be broken off, so what is wrong with a request must be known before. It
// keeps the last byte, by which comma tells whether one is due.
func (r *reply) pass() {
	last := len(r.b) - 1
	slow := r.room.outside(r.patience(), func() {
		_, _ = r.to.Write(r.b[:last]) // a client that went away hears nothing
	})
	r.slow = r.slow || slow
	r.b, r.sent = append(r.b[:0], r.b[last]), true
}

// patience is how long the client may let others wait: once.
func (r *reply) patience() time.Duration {
	if r.slow {
		return 0
	}
	return patience
}

// comma writes one unless a value is the first of its object or list.
func (r *reply) comma() {
	if last := r.b[len(r.b)-1]; last != '{' && last != '[' {
		r.b = append(r.b, ',')
	}
}

// name writes the name of a field. Names need no escapes.
func (r *reply) name(name string) {
	r.comma()
	r.b = append(r.b, '"')
	r.b = append(r.b, name...)
	r.b = append(r.b, '"', ':')
}

// text writes a text.
func (r *reply) text(name, v string) {
	r.name(name)
	r.b = appendText(r.b, v)
}

// some writes a text unless it is empty, which here means that it is unset.
func (r *reply) some(name, v string) {
	if v != "" {
		r.text(name, v)
	}
}

// integer writes an integer.
func (r *reply) integer(name string, v int64) {
	r.name(name)
	r.b = strconv.AppendInt(r.b, v, 10)
}

// number writes a number.
func (r *reply) number(name string, v float64) {
	r.name(name)
	switch {
	case math.IsNaN(v):
		r.b = append(r.b, `"NaN"`...)
	case math.IsInf(v, 1):
		r.b = append(r.b, `"Infinity"`...)
	case math.IsInf(v, -1):
		r.b = append(r.b, `"-Infinity"`...)
	default:
		r.b = appendNumber(r.b, v)
	}
}

// appendNumber writes a number so that readers which tell them apart see that it
// is no integer.
func appendNumber(b []byte, v float64) []byte {
	start := len(b)
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e16) {
		format = 'e'
	}
	b = strconv.AppendFloat(b, v, format, -1, 64)
	for _, c := range b[start:] {
		if c == '.' || c == 'e' {
			return b
		}
	}
	return append(b, ".0"...)
}

// flag writes a boolean.
func (r *reply) flag(name string, v bool) {
	r.name(name)
	r.b = strconv.AppendBool(r.b, v)
}

// object writes an object.
func (r *reply) object(name string, write func()) {
	r.name(name)
	r.b = append(r.b, '{')
	write()
	r.b = append(r.b, '}')
}

// objects writes a list of objects, or nothing of an empty one, as protobuf does.
func objects[T any](r *reply, name string, all []T, write func(*reply, T)) {
	if len(all) == 0 {
		return
	}
	r.name(name)
	r.b = append(r.b, '[')
	more(r, all, write)
	r.b = append(r.b, ']')
}

// more writes objects into a list that is open.
func more[T any](r *reply, all []T, write func(*reply, T)) {
	for _, one := range all {
		r.comma()
		r.b = append(r.b, '{')
		write(r, one)
		r.b = append(r.b, '}')
	}
}

// piece is part of an answer that comes in pieces, the page's token with the last.
type piece interface{ GetNextPageToken() string }

// stream writes a list of objects, and the token of the next page, from an answer
// in pieces: each is sent on before the next is asked for. After the first, an
// error can only break the answer off.
func stream[P piece, T any](r *reply, name string, next func() (P, error), list func(P) []T, write func(*reply, T)) error {
	var token string
	open := false
	for {
		part, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		token = part.GetNextPageToken()
		if all := list(part); len(all) > 0 {
			if open {
				r.pass()
			} else {
				r.name(name)
				r.b, open = append(r.b, '['), true
			}
			more(r, all, write)
		}
	}
	if open {
		r.b = append(r.b, ']')
	}
	r.some("next_page_token", token)
	return nil
}

// texts writes a list of texts, or nothing of an empty one.
func (r *reply) texts(name string, all []string) {
	if len(all) == 0 {
		return
	}
	r.name(name)
	r.b = append(r.b, '[')
	for _, one := range all {
		r.comma()
		r.b = appendText(r.b, one)
	}
	r.b = append(r.b, ']')
}

const hexDigits = "0123456789abcdef"

// appendText writes a text in quotes.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		b = append(b, s[start:i]...)
		b = appendSpecial(b, c)
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

func appendSpecial(b []byte, c byte) []byte {
	switch {
	case c == '"' || c == '\\':
		return append(b, '\\', c)
	case c == '\n':
		return append(b, `\n`...)
	case c == '\t':
		return append(b, `\t`...)
	case c == '\r':
		return append(b, `\r`...)
	case c >= utf8.RuneSelf:
		return append(b, `\ufffd`...)
	default:
		return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
}
