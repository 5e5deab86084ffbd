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
	bodyBytes int               // length of the JSON body; 0 of a query
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
	*c.reply = reply{b: c.reply.b, to: jsonWriter{w}}
	defer func() {
		if c.reply.to = nil; cap(c.reply.b) <= keptBytes {
			replies.Put(c.reply)
		}
	}()
	switch err := c.run(w, r, found); {
	case err == nil:
		_, _ = c.reply.to.Write(c.reply.b) // a client that went away hears nothing
	case c.reply.sent:
		e.Log.WarnContext(r.Context(), "an answer is broken off", "method", r.Method, "path", r.URL.Path, "err", err)
		panic(http.ErrAbortHandler) // the one way to say so: the status has gone
	default:
		e.refuse(w, r, err)
	}
}

// jsonWriter sends JSON.
type jsonWriter struct{ http.ResponseWriter }

func (w jsonWriter) Write(b []byte) (int, error) {
	w.Header().Set("Content-Type", "application/json")
	return w.ResponseWriter.Write(b)
}

// run reads the form and lets the route's handler answer it.
func (c *call) run(w http.ResponseWriter, r *http.Request, to route) error {
	if err := c.read(w, r); err != nil {
		return err
	}
	c.reply.b = append(c.reply.b[:0], '{')
	if err := to.call(c); err != nil {
		return err
	}
	c.reply.b = append(c.reply.b, '}')
	return nil
}

// read reads the form: the query of a GET, otherwise the body.
func (c *call) read(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodGet && r.URL.RawQuery != "" {
		c.form = queryForm(r.URL.Query())
		return nil
	}
	if err := checkContentType(r); err != nil {
		return err
	}
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	c.bodyBytes = len(body)
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
