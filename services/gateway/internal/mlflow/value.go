package mlflow

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// kind is what sort of JSON value a value is.
type kind byte

const (
	null kind = iota
	boolean
	number
	text
	list
	object
)

// value is a JSON value. Numbers stay as they were written, for only the field
// that reads one knows whether it is an integer.
type value struct {
	kind  kind
	text  string   // of a text its content; of a number or boolean what was written
	items []member // of a list, without names, or an object, in the order written
}

// member is a value and its name in an object.
type member struct {
	name string
	value
}

// pythonType is what Python calls the type of a value, which MLflow's messages do.
func (v value) pythonType() string {
	switch v.kind {
	case boolean:
		return "bool"
	case number:
		if strings.ContainsAny(v.text, ".eENI") {
			return "float"
		}
		return "int"
	case text:
		return "str"
	case list:
		return "list"
	case object:
		return "dict"
	default:
		return "NoneType"
	}
}

// dump writes a value as Python's json.dumps does with sorted keys and no blanks.
func (v value) dump(b []byte) []byte {
	switch v.kind {
	case boolean, number:
		return append(b, v.text...)
	case text:
		return appendASCII(b, v.text)
	case list:
		b = append(b, '[')
		for i, item := range v.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.dump(b)
		}
		return append(b, ']')
	case object:
		return v.dumpObject(b)
	default:
		return append(b, "null"...)
	}
}

func (v value) dumpObject(b []byte) []byte {
	items := slices.Clone(v.items)
	slices.SortStableFunc(items, func(x, y member) int { return strings.Compare(x.name, y.name) })
	b = append(b, '{')
	for i, item := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendASCII(b, item.name), ':')
		b = item.dump(b)
	}
	return append(b, '}')
}

// appendASCII writes a text as JSON of ASCII alone.
func appendASCII(b []byte, s string) []byte {
	quoted := appendText(nil, s)
	for _, r := range string(quoted) {
		switch {
		case r < utf8.RuneSelf:
			b = append(b, byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = appendEscape(appendEscape(b, high), low)
		default:
			b = appendEscape(b, r)
		}
	}
	return b
}

func appendEscape(b []byte, r rune) []byte {
	digits := strconv.FormatInt(int64(r)|0x10000, 16)
	return append(append(b, `\u`...), digits[1:]...)
}

// deepest is how deep values may nest.
const deepest = 100

// parse reads one JSON value, which must be all there is. It takes what Python
// takes: NaN, Infinity and -Infinity are numbers too. It is an own parser because
// fields must be read that are wrongly typed, to say so in MLflow's words, and
// because logging a thousand points is most of what clients do.
func parse(s string) (value, error) {
	p := parser{s: s}
	v := p.value(0)
	p.blanks()
	if !p.failed && p.at < len(s) {
		p.failed = true
	}
	if p.failed {
		return value{}, fault.New(fault.Invalid, "the body is not JSON: it is malformed at byte %d", p.at)
	}
	return v, nil
}

// parser reads s from at on. Once it has failed it stays where it is.
type parser struct {
	s      string
	at     int
	failed bool
	open   []member // of the objects and lists that are not closed yet, one after the other
	room   []member // for those that are closed: of many small ones together
}

// close takes the open members from mark on away and returns them.
func (p *parser) close(mark int) []member {
	members := p.open[mark:]
	if free := cap(p.room) - len(p.room); free < len(members) {
		p.room = make([]member, 0, max(len(members), min(2*cap(p.room), 512), 8))
	}
	start := len(p.room)
	p.room = append(p.room, members...)
	clear(members)
	p.open = p.open[:mark]
	return p.room[start:len(p.room):len(p.room)]
}

func (p *parser) fail() value {
	p.failed = true
	return value{}
}

func (p *parser) blanks() {
	for p.at < len(p.s) && (p.s[p.at] == ' ' || p.s[p.at] == '\n' || p.s[p.at] == '\t' || p.s[p.at] == '\r') {
		p.at++
	}
}

// next returns the next byte that is no blank, or 0 at the end.
func (p *parser) next() byte {
	if p.blanks(); p.at < len(p.s) && !p.failed {
		return p.s[p.at]
	}
	return 0
}

// take goes over a byte if it is next.
func (p *parser) take(c byte) bool {
	if p.next() != c {
		return false
	}
	p.at++
	return true
}

func (p *parser) value(depth int) value {
	switch c := p.next(); {
	case depth > deepest:
		return p.fail()
	case c == '"':
		return value{kind: text, text: p.text()}
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.list(depth)
	case c == 't':
		return p.word("true", boolean)
	case c == 'f':
		return p.word("false", boolean)
	case c == 'n':
		return p.word("null", null)
	default:
		return p.number()
	}
}

func (p *parser) word(word string, of kind) value {
	if !strings.HasPrefix(p.s[p.at:], word) {
		return p.fail()
	}
	p.at += len(word)
	return value{kind: of, text: word}
}

func (p *parser) object(depth int) value {
	p.at++
	v := value{kind: object}
	if p.take('}') {
		return v
	}
	mark := len(p.open)
	for !p.failed {
		if p.next() != '"' {
			return p.fail()
		}
		name := p.text()
		if !p.take(':') {
			return p.fail()
		}
		of := p.value(depth + 1) // before the members that are open are looked at: it has some itself
		p.open = append(p.open, member{name, of})
		if p.take('}') {
			v.items = p.close(mark)
			return v
		}
		if !p.take(',') {
			return p.fail()
		}
	}
	return v
}

func (p *parser) list(depth int) value {
	p.at++
	v := value{kind: list}
	if p.take(']') {
		return v
	}
	mark := len(p.open)
	for !p.failed {
		of := p.value(depth + 1)
		p.open = append(p.open, member{value: of})
		if p.take(']') {
			v.items = p.close(mark)
			return v
		}
		if !p.take(',') {
			return p.fail()
		}
	}
	return v
}

func (p *parser) number() value {
	for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
		if strings.HasPrefix(p.s[p.at:], word) {
			return p.word(word, number)
		}
	}
	start := p.at
	p.any("-")
	first := p.at
	whole := p.digits()
	if whole == 0 || whole > 1 && p.s[first] == '0' {
		return p.fail()
	}
	if p.any(".") && p.digits() == 0 {
		return p.fail()
	}
	if p.any("eE") {
		p.any("+-")
		if p.digits() == 0 {
			return p.fail()
		}
	}
	return value{kind: number, text: p.s[start:p.at]}
}

// any goes over one byte if it is one of some, and reports whether it was.
func (p *parser) any(of string) bool {
	if p.at < len(p.s) && strings.IndexByte(of, p.s[p.at]) >= 0 {
		p.at++
		return true
	}
	return false
}

// digits goes over digits and returns how many there were.
func (p *parser) digits() int {
	start := p.at
	for p.at < len(p.s) && p.s[p.at] >= '0' && p.s[p.at] <= '9' {
		p.at++
	}
	return p.at - start
}

// text reads a text from its quote on.
func (p *parser) text() string {
	p.at++
	start := p.at
	for ; p.at < len(p.s); p.at++ {
		switch c := p.s[p.at]; {
		case c == '"':
			p.at++
			return valid(p.s[start : p.at-1])
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			p.fail()
			return ""
		}
	}
	p.fail()
	return ""
}

// valid is a text with U+FFFD for each byte that is not UTF-8, as encoding/json has it.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// escaped reads the rest of a text that began at start and has an escape.
func (p *parser) escaped(start int) string {
	b := append(make([]byte, 0, 2*(p.at-start)+16), p.s[start:p.at]...)
	for p.at < len(p.s) {
		c := p.s[p.at]
		p.at++
		switch {
		case c == '"':
			return valid(string(b))
		case c == '\\':
			b = p.escape(b)
		case c < ' ':
			p.fail()
			return ""
		default:
			b = append(b, c)
		}
	}
	p.fail()
	return ""
}

// plain are the characters that a backslash puts in words, and what they mean.
var plain = strings.NewReplacer("b", "\b", "f", "\f", "n", "\n", "r", "\r", "t", "\t")

func (p *parser) escape(b []byte) []byte {
	if p.at >= len(p.s) {
		return b
	}
	c := p.s[p.at]
	p.at++
	if c != 'u' {
		if !strings.ContainsRune(`"\/bfnrt`, rune(c)) {
			p.fail()
		}
		return append(b, plain.Replace(string(rune(c)))...)
	}
	r := p.hex()
	if utf16.IsSurrogate(r) && strings.HasPrefix(p.s[p.at:], `\u`) {
		before := p.at
		p.at += 2
		if full := utf16.DecodeRune(r, p.hex()); full != utf8.RuneError {
			return utf8.AppendRune(b, full)
		}
		p.at = before
	}
	return utf8.AppendRune(b, r)
}

// hex reads four hexadecimal digits.
func (p *parser) hex() rune {
	if p.at+4 > len(p.s) {
		p.fail()
		return utf8.RuneError
	}
	r, err := strconv.ParseUint(p.s[p.at:p.at+4], 16, 32)
	if err != nil {
		p.fail()
	}
	p.at += 4
	return rune(r)
}
