package garbage

import (
	"strings"
	"testing"
	"time"
)

func TestFateOf(t *testing.T) {
	tests := map[string]struct {
		uri  string
		used []string
		want Fate
	}{
		"nothing is used":    {"/r/p/a", nil, Goes},
		"something above is": {"/r/p/a", []string{"/r"}, Stays},
		"its neighbour is":   {"/r/p/a/t", []string{"/r/p/a/t2/m", "/r/p/a/tt"}, Goes},
		"it is":              {"/r/p/a/t/m", []string{"/r/p/a/t/m"}, Stays},
		"it lies in what is": {"/r/p/a/t/m/part", []string{"/x", "/r/p/a/t/m/"}, Stays},
		"part of it is":      {"/r/p/a", []string{"/r/p/a/t/m"}, Divided},
		"it and part of it":  {"/r/p/a", []string{"/r/p/a/t/m", "/r/p/a"}, Stays},
		"in a bucket":        {"s3://b/p/a", []string{"s3://b/p/a/x"}, Divided},
		"an empty URI":       {"/r/p/a", []string{""}, Goes},
	}
	for name, tt := range tests {
		if got := FateOf(tt.uri, tt.used); got != tt.want {
			t.Errorf("%s: fate %d, want %d", name, got, tt.want)
		}
	}
}

func TestRetention(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	if (Retention{}).Any() || !(Retention{RunsCount: 1}).Any() || !(Retention{CacheTTL: 1}).Any() || !(Retention{Runs: 1}).Any() {
		t.Error("what is kept for ever and what is not are confused")
	}
	if _, some := (Retention{RunsCount: 3}).Cutoff(now); some {
		t.Error("there is a cutoff without an age")
	}
	r := Retention{Runs: 30 * 24 * time.Hour}
	cutoff, some := r.Cutoff(now)
	if !some || !cutoff.Equal(now.AddDate(0, 0, -30)) {
		t.Errorf("cutoff %v, %v", cutoff, some)
	}
	why := r.WhyOld(now.Add(-40*24*time.Hour), now)
	if !strings.Contains(why, "40 days ago") || !strings.Contains(why, "kept for 30 days") {
		t.Errorf("it says %q", why)
	}
}
