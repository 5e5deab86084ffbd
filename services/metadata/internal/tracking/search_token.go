package tracking

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
)

// Sizes of pages, in things.
const (
	defaultPage      = 1000
	defaultModelPage = 100
	maxPage          = 50_000
)

// pageSize reads max_results, of which 0 is the default.
func pageSize(asked int32, byDefault int) (int, error) {
	const value = "Invalid value %d for parameter 'max_results' supplied. "
	switch {
	case asked < 0:
		return 0, invalid(value+"It must be a positive integer", asked)
	case asked > maxPage:
		return 0, invalid(value+"It must be at most %d", asked, maxPage)
	case asked == 0:
		return byDefault, nil
	}
	return int(asked), nil
}

// bookmark is what a page token says: after what the next page begins, in which
// segment of which search.
type bookmark struct {
	Search  string   `json:"s"`
	Driver  int      `json:"d,omitempty"` // see runSearch.driver
	Segment int      `json:"g"`
	Cells   []string `json:"c"` // by term
}

// fingerprint tells searches apart that a token must not be carried between.
func fingerprint(parts ...any) string {
	sum := sha256.New()
	for _, part := range parts {
		_, _ = fmt.Fprintf(sum, "%q\n", part)
	}
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:9])
}

// String is the page token. It is opaque, safe in a URL, and no secret.
func (p bookmark) String() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("tracking: strings cannot be marshalled: %v", err))
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// parseBookmark reads a page token; nothing is the place before the first thing. A
// token of another search, or one that was not made here, is Invalid.
func parseBookmark(token, search string) (bookmark, error) {
	p := bookmark{Search: search}
	if token == "" {
		return p, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return p, invalid("Invalid page token, could not base64-decode")
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, notABookmark()
	}
	if p.Search != search {
		return p, invalid("Invalid page token, it belongs to a search with other experiments, another filter or order_by: " +
			"repeat those of the request that gave it, or leave the token out")
	}
	return p, nil
}

// check refuses a place that is in none of the segments.
func (p bookmark) check(segments []segment) error {
	switch {
	case p.Cells == nil && p.Segment == 0: // before the first
		return nil
	case p.Segment < 0 || p.Segment >= len(segments) || len(p.Cells) != len(segments[p.Segment].terms):
		return notABookmark()
	}
	for i, term := range segments[p.Segment].terms {
		if cell, ok := cellValue(p.Cells[i]); !ok || !term.holds(cell) {
			return notABookmark()
		}
	}
	return nil
}

func notABookmark() error { return invalid("Invalid page token, it was not given by a search") }

// cellText spells what a term is in a row: its kind, then its value. Classes of
// terms without a value are spelled "c1" and "c2".
func cellText(class int64, value any) string {
	if class != hasValue {
		return "c" + strconv.FormatInt(class, 10)
	}
	switch v := value.(type) {
	case int64:
		return "i" + strconv.FormatInt(v, 10)
	case float64:
		return "f" + strconv.FormatFloat(v, 'g', -1, 64)
	case []byte:
		return "t" + string(v)
	}
	return fmt.Sprintf("t%s", value)
}

// noValue is a cell of a term without a value.
type noValue int64

// cellValue undoes cellText: string, int64, float64 or noValue.
func cellValue(text string) (any, bool) {
	if text == "" {
		return nil, false
	}
	switch rest := text[1:]; text[0] {
	case 't':
		return rest, true
	case 'i':
		v, err := strconv.ParseInt(rest, 10, 64)
		return v, err == nil
	case 'f':
		v, err := strconv.ParseFloat(rest, 64)
		return v, err == nil && v == v
	case 'c':
		v, err := strconv.ParseInt(rest, 10, 64)
		return noValue(v), err == nil
	}
	return nil, false
}
