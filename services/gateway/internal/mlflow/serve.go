package mlflow

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// maxBodyBytes is the largest JSON body of a request.
const maxBodyBytes = 33 << 20

// call is one request of MLflow's.
type call struct {
	form
	reply     *reply
	ctx       context.Context //nolint:containedctx // a call is a request, and lives as long
	namespace string
	names     map[string]string // what the names in the route's path stand for
}

// replies are kept for reuse: most are small, and one a request.
var replies = sync.Pool{New: func() any { return &reply{b: make([]byte, 0, 4<<10)} }}

// keptBytes is the largest reply that is kept.
const keptBytes = 256 << 10

func (e *edge) serve(w http.ResponseWriter, r *http.Request, path string) {
	found, names, err := e.table.find(r.Method, path)
	if err != nil {
		e.refuse(w, r, err)
		return
	}
	c := &call{ctx: r.Context(), names: names}
	if c.namespace, err = workspace(r); err != nil {
		e.refuse(w, r, err)
		return
	}
	if found.raw != nil {
		if err := found.raw(w, r, c); err != nil {
			e.refuse(w, r, err)
		}
		return
	}
	c.reply = replies.Get().(*reply)
	*c.reply = reply{b: append(c.reply.b[:0], '{'), to: jsonWriter{w}}
	defer func() {
		if c.reply.to = nil; cap(c.reply.b) <= keptBytes {
			replies.Put(c.reply)
		}
	}()
	switch err := e.answer(w, r, found, c); {
	case err == nil:
		_, _ = c.reply.to.Write(c.reply.b) // a client that went away hears nothing
	case c.reply.sent:
		e.Log.WarnContext(r.Context(), "an answer is broken off", "method", r.Method, "path", r.URL.Path, "err", err)
		panic(http.ErrAbortHandler) // the one way to say so: the status has gone
	default:
		e.refuse(w, r, err)
	}
}

// largeBody is from how many bytes on a body takes much memory when it is parsed.
const largeBody = 16 << 10

// answer reads the form and lets the route's handler answer it.
func (e *edge) answer(w http.ResponseWriter, r *http.Request, to route, c *call) error {
	body, err := bodyOf(w, r)
	if err != nil {
		return err
	}
	if to.large || len(body) >= largeBody {
		if err := e.room.enter(r.Context()); err != nil {
			return err
		}
		defer e.room.leave()
		c.reply.room = e.room
	}
	if err := c.parse(r, body); err != nil {
		return err
	}
	if err := to.call(c); err != nil {
		return err
	}
	c.reply.b = append(c.reply.b, '}')
	return nil
}

// jsonWriter sends JSON.
type jsonWriter struct{ http.ResponseWriter }

func (w jsonWriter) Write(b []byte) (int, error) {
	w.Header().Set("Content-Type", "application/json")
	return w.ResponseWriter.Write(b)
}

// bodyOf reads the body of a request whose form it is.
func bodyOf(w http.ResponseWriter, r *http.Request) (string, error) {
	if isQuery(r) {
		return "", nil
	}
	if err := checkContentType(r); err != nil {
		return "", err
	}
	return readBody(w, r)
}

// isQuery says whether the query is the form: of a GET that has one.
func isQuery(r *http.Request) bool { return r.Method == http.MethodGet && r.URL.RawQuery != "" }

// parse parses the form.
func (c *call) parse(r *http.Request, body string) error {
	if isQuery(r) {
		c.form = queryForm(r.URL.Query())
		return nil
	}
	v, err := parseObject(body)
	c.form = newForm(v)
	return err
}

// parseObject parses a body. An empty one is an empty object, and a text is the
// body of an old client, which encodes twice.
func parseObject(body string) (value, error) {
	if strings.TrimSpace(body) == "" {
		return value{kind: object}, nil
	}
	v, err := parse(body)
	if err == nil && v.kind == text {
		v, err = parse(v.text)
	}
	if err == nil && v.kind != object && v.kind != null {
		err = fault.New(fault.Invalid, "the body must be a JSON object, and is a %s", v.pythonType())
	}
	return v, err
}

// copyBuffers are what bodies are read through.
var copyBuffers = sync.Pool{New: func() any { return new([8 << 10]byte) }}

func readBody(w http.ResponseWriter, r *http.Request) (string, error) {
	var b strings.Builder
	if r.ContentLength > 0 {
		b.Grow(int(min(r.ContentLength, maxBodyBytes)))
	}
	through := copyBuffers.Get().(*[8 << 10]byte)
	defer copyBuffers.Put(through)
	_, err := io.CopyBuffer(&b, http.MaxBytesReader(w, r.Body, maxBodyBytes), through[:])
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return "", fault.New(fault.Invalid, "the body is larger than %d bytes", maxBodyBytes)
	}
	if err != nil {
		return "", fault.New(fault.Invalid, "the body ended early").WithCause(err)
	}
	return b.String(), nil
}

// checkContentType refuses what MLflow refuses, which also keeps out what a form on
// a page of another site can send.
func checkContentType(r *http.Request) error {
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		return nil
	}
	switch contentType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); contentType {
	case "application/json":
		return nil
	case "":
		return fault.New(fault.Invalid, "Bad Request. Content-Type header is missing.")
	default:
		return fault.New(fault.Invalid, "Bad Request. Content-Type must be one of ['application/json'].")
	}
}
