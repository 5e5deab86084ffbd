// Package origin keeps other sites out: a page that a browser has open anywhere
// must not be able to start a run here.
//
// A browser sends a form, or text, to any address it can reach, this machine's
// own among them, and says where the page came from (Sec-Fetch-Site, Origin).
// Whoever changes something from another site is refused. Reading needs no such
// care, for browsers show no answer to another site; and clients that are no
// browsers send neither header.
package origin

import (
	"net/http"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gateway/internal/rest"
)

// Protect returns a handler that refuses what comes from other sites and passes
// everything else on.
func Protect(handler http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(refuse))
	return protection.Handler(handler)
}

func refuse(w http.ResponseWriter, r *http.Request) {
	rest.WriteError(w, fault.New(fault.Denied,
		"%s %s came from a page of another site, which may only read; open the page from this address", r.Method, r.URL.Path).
		WithReason("CROSS_ORIGIN"))
}
