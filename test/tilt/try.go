package tilt

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// tryTime bounds one try of a probe.
const tryTime = time.Second

// Try returns nil when the probe succeeds now.
func (p Probe) Try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	if p.URL == "" {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.Address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 399 {
		return fmt.Errorf("%s answers %s", p.URL, response.Status)
	}
	return nil
}
