// Package page is what a person sees at "/": what is served here, and how to
// begin.
package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
)

//go:embed index.html
var index string

// Register adds the page to a mux. The version is that of the binary.
func Register(mux *http.ServeMux, version string) error {
	view, err := template.New("index").Parse(index)
	if err != nil {
		return fmt.Errorf("read index page: %w", err)
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = view.Execute(w, struct{ Version, Host string }{version, r.Host}) // a caller that went away hears nothing
	})
	return nil
}
