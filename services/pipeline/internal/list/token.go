package list

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// token is what a page token says, in base64 of JSON.
type token struct {
	List  string `json:"l"` // fingerprint of the list it belongs to
	Value string `json:"v"`
	ID    string `json:"i"`
}

// Token is the page token for what follows a position.
func (q Query) Token(p Position) string {
	text, err := json.Marshal(token{List: q.fingerprint(), Value: p.Value, ID: p.ID})
	if err != nil {
		panic(fmt.Sprintf("list: three strings cannot be marshalled: %v", err))
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// parseToken reads a token of the same list; the empty one is nil.
func (q Query) parseToken(text string) (*Position, error) {
	if text == "" {
		return nil, nil
	}
	var t token
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(raw, &t) != nil || t.ID == "" {
		return nil, notAToken()
	}
	if t.List != q.fingerprint() {
		return nil, fault.Invalidf("page_token", "belongs to a list with another filter or order; "+
			"repeat the filter and sort_by of the request that gave it, or leave it out")
	}
	return &Position{Value: t.Value, ID: t.ID}, nil
}

func notAToken() error {
	return fault.Invalidf("page_token", "is not a token that a list gave; want the next_page_token of the answer before, or nothing")
}

// fingerprint tells lists apart that a token must not be carried between.
func (q Query) fingerprint() string {
	filter, err := proto.MarshalOptions{Deterministic: true}.Marshal(q.Filter)
	if err != nil {
		panic(fmt.Sprintf("list: a filter that was parsed cannot be marshalled: %v", err))
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %t %q", q.Key, q.Descending, filter))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}
