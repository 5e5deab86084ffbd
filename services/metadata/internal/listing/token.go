package listing

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// token is what a page token says, in JSON: where to go on, and a fingerprint
// of the list it belongs to.
type token struct {
	List  string `json:"l"`
	Value string `json:"v"`
	UID   string `json:"u"`
}

// Token is the page token for what follows the position in the list that where
// and order make. It is opaque, safe in a URL, and no secret.
func Token(where *sqlstore.Query, order Order, p Position) string {
	text, err := json.Marshal(token{List: fingerprint(where, order), Value: p.Value, UID: p.UID})
	if err != nil {
		panic(fmt.Sprintf("listing: three strings cannot be marshalled: %v", err))
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// ParseToken returns the condition that a page token stands for, or nil for
// the empty token. A token of another list, or one that was not made here, is
// Invalid.
func ParseToken(text string, where *sqlstore.Query, order Order) (*sqlstore.Query, error) {
	if text == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, notAToken()
	}
	var t token
	if err := json.Unmarshal(raw, &t); err != nil || t.UID == "" {
		return nil, notAToken()
	}
	if t.List != fingerprint(where, order) {
		return nil, fault.Invalidf("page_token", "belongs to a list with another filter or order; "+
			"repeat the filter and order_by of the request that gave it, or leave it out")
	}
	after, err := order.After(Position{Value: t.Value, UID: t.UID})
	if err != nil {
		return nil, notAToken()
	}
	return after, nil
}

func notAToken() error {
	return fault.Invalidf("page_token", "is not a token that a list gave; want the next_page_token of the answer before, or nothing")
}

// fingerprint tells lists apart that a token must not be carried between.
func fingerprint(where *sqlstore.Query, order Order) string {
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "%q %t", order.Key, order.Descending)
	if where != nil {
		_, _ = fmt.Fprintf(sum, " %q %q", where.Text(), where.Args())
	}
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:9])
}
