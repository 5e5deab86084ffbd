package modelregistry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// maxBodyBytes is the largest body of a request.
const maxBodyBytes = 8 << 20

// object is a JSON object that is written.
type object map[string]any

// some sets a text unless it is empty.
func (o object) some(name, text string) {
	if text != "" {
		o[name] = text
	}
}

// call is one request. Fields of the body are read one by one; what is wrong with
// the first bad one is the call's failure.
type call struct {
	ctx       context.Context //nolint:containedctx // a call is a request, and lives as long
	namespace string
	query     url.Values
	idText    string         // in the path
	body      map[string]any // numbers are json.Number
	failure   error
	replaced  bool // whether a POST changed what was there
}

// read reads a request.
func read(w http.ResponseWriter, r *http.Request) (*call, error) {
	c := &call{ctx: r.Context(), query: r.URL.Query(), idText: r.PathValue("id")}
	c.namespace = cmp.Or(c.query.Get("namespace"), r.Header.Get("X-MLFLOW-WORKSPACE"))
	if r.Method != http.MethodPost && r.Method != http.MethodPatch {
		return c, nil
	}
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" {
		return nil, fault.Invalidf("", "the content type is %q; want application/json", kind)
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	decoder.UseNumber()
	if err := decoder.Decode(&c.body); err != nil {
		return nil, fault.Invalidf("", "the body is not a JSON object of at most %d MiB", maxBodyBytes>>20).WithCause(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fault.Invalidf("", "the body goes on after its JSON object")
	}
	return c, nil
}

// wrong notes what is wrong with a field.
func (c *call) wrong(field, want string) {
	if c.failure == nil {
		c.failure = fault.Invalidf(field, "want %s", want)
	}
}

// has reports whether a field is there and not null.
func (c *call) has(field string) bool { return c.body[field] != nil }

// text is a field that is a text; a number is taken for one.
func (c *call) text(field string) string {
	switch v := c.body[field].(type) {
	case nil:
	case string:
		return v
	case json.Number:
		return v.String()
	default:
		c.wrong(field, "a text")
	}
	return ""
}

// optional is a text that may be missing.
func (c *call) optional(field string) *string {
	if !c.has(field) {
		return nil
	}
	text := c.text(field)
	return &text
}

// texts is a field that is a list of texts.
func (c *call) texts(field string) []string {
	if !c.has(field) {
		return nil
	}
	list, ok := c.body[field].([]any)
	texts := make([]string, len(list))
	for i, item := range list {
		text, isText := item.(string)
		texts[i], ok = text, ok && isText
	}
	if !ok {
		c.wrong(field, "a list of texts")
	}
	return texts
}

// required is a text that must be there.
func (c *call) required(field string) string {
	text := c.text(field)
	if text == "" {
		c.wrong(field, "a value; it is required")
	}
	return text
}

// number reads an id.
func (c *call) number(field, text string) int64 {
	if text == "" {
		return 0
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id <= 0 {
		c.wrong(field, "the id of something, which is a positive number, not "+strconv.Quote(text))
		return 0
	}
	return id
}

// id is the id in the path.
func (c *call) id() int64 { return c.number("id", c.idText) }

// options are how a list is asked for.
func (c *call) options() *metadatav1.ListOptions {
	options := &metadatav1.ListOptions{
		FilterQuery: c.query.Get("filterQuery"), OrderBy: c.query.Get("orderBy"), PageToken: c.query.Get("nextPageToken"), PageSize: c.pageSize(),
	}
	switch sort := c.query.Get("sortOrder"); sort {
	case "", "ASC":
	case "DESC":
		options.Descending = true
	default:
		c.wrong("sortOrder", "ASC or DESC")
	}
	return options
}

// pageSize is how many things are wanted; 0 when that is not said.
func (c *call) pageSize() int32 {
	text := c.query.Get("pageSize")
	if text == "" {
		return 0
	}
	size, err := strconv.ParseInt(text, 10, 32)
	if err != nil || size < 0 {
		c.wrong("pageSize", "a number that is not negative")
	}
	return int32(size)
}

// page is a list as the API has it.
func page[T any](c *call, items []T, token string, show func(T) object) object {
	shown := make([]object, len(items))
	for i, item := range items {
		shown[i] = show(item)
	}
	size := c.pageSize()
	if size == 0 {
		size = int32(len(items)) //nolint:gosec // a page is short
	}
	return object{"items": shown, "nextPageToken": token, "pageSize": size, "size": len(items)}
}

// times adds when something was made and when it changed.
func (o object) times(made, changed int64) object {
	o["createTimeSinceEpoch"] = strconv.FormatInt(made, 10)
	o["lastUpdateTimeSinceEpoch"] = strconv.FormatInt(changed, 10)
	return o
}

// idText is an id as the API has it; "" for none.
func idText(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}
