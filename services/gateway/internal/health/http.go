package health

import (
	"encoding/json"
	"net/http"
)

// Alive answers that this process lives.
func Alive(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]any{"status": "alive"})
}

// Ready answers whether every service serves, and which do not.
func (c *Checker) Ready(w http.ResponseWriter, r *http.Request) {
	failing := c.NotServing(r.Context())
	if len(failing) > 0 {
		write(w, http.StatusServiceUnavailable, map[string]any{"status": "not ready", "services": failing})
		return
	}
	write(w, http.StatusOK, map[string]any{"status": "ready"})
}

func write(w http.ResponseWriter, code int, answer map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(answer) // a caller that went away hears nothing
}
