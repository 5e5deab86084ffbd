package garbage

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const day = 24 * time.Hour

var now = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func environment(name string, bytes int64, unused time.Duration) Environment {
	return Environment{Name: name, Bytes: bytes, Used: now.Add(-unused)}
}

func names(doomed []Doomed) []string {
	var all []string
	for _, d := range doomed {
		all = append(all, d.Name)
	}
	return all
}

func TestEnvironmentsThatGo(t *testing.T) {
	all := []Environment{
		environment("new", 10, time.Minute), environment("old", 10, 40*day), environment("older", 20, 50*day), environment("fair", 30, day),
	}
	tests := map[string]struct {
		retention Retention
		busySince time.Time
		want      []string
	}{
		"everything is kept":    {Retention{}, time.Time{}, nil},
		"by age":                {Retention{Environments: 30 * day}, time.Time{}, []string{"older", "old"}},
		"by size":               {Retention{EnvironmentBytes: 45}, time.Time{}, []string{"older", "old"}},
		"by both":               {Retention{Environments: 45 * day, EnvironmentBytes: 45}, time.Time{}, []string{"older", "old"}},
		"all but the newest":    {Retention{EnvironmentBytes: 1}, time.Time{}, []string{"older", "old", "fair"}},
		"not what may be used":  {Retention{EnvironmentBytes: 1}, now.Add(-45 * day), []string{"older"}},
		"not what is used":      {Retention{Environments: time.Hour}, now.Add(-60 * day), nil},
		"there is room":         {Retention{EnvironmentBytes: 70}, time.Time{}, nil},
		"a moment ago is today": {Retention{Environments: time.Second}, time.Time{}, []string{"older", "old", "fair"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := tt.retention.EnvironmentsThatGo(all, tt.busySince, now)
			if !slices.Equal(names(got), tt.want) {
				t.Errorf("there go %v, want %v", names(got), tt.want)
			}
			for _, d := range got {
				if d.Reason == "" {
					t.Errorf("%s goes without a reason", d.Name)
				}
			}
		})
	}
}

// TestWhatMayRunStays: whatever is asked, nothing goes that was used since the
// oldest workload that runs was started, nor a moment ago.
func TestWhatMayRunStays(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var all []Environment
		for i := range rapid.IntRange(0, 8).Draw(r, "environments") {
			all = append(all, environment(string(rune('a'+i)), rapid.Int64Range(0, 100).Draw(r, "bytes"), time.Duration(rapid.IntRange(0, 100).Draw(r, "hours"))*time.Hour))
		}
		retention := Retention{
			Environments:     time.Duration(rapid.IntRange(0, 100).Draw(r, "kept")) * time.Hour,
			EnvironmentBytes: rapid.Int64Range(0, 300).Draw(r, "cap"),
		}
		busySince := now.Add(-time.Duration(rapid.IntRange(0, 100).Draw(r, "busy")) * time.Hour)
		for _, d := range retention.EnvironmentsThatGo(all, busySince, now) {
			if !d.Used.Before(busySince) || now.Sub(d.Used) <= recent {
				r.Errorf("%s goes, used at %s", d.Name, d.Used)
			}
		}
	})
}

func TestLogsThatGo(t *testing.T) {
	for _, tt := range []struct {
		kept, age time.Duration
		want      bool
	}{{0, 1000 * day, false}, {day, day, false}, {day, day + 1, true}} {
		reason, goes := Retention{Logs: tt.kept}.LogGoes(now.Add(-tt.age), now)
		if goes != tt.want || goes != (reason != "") {
			t.Errorf("kept for %s and %s old: %v, %q", tt.kept, tt.age, goes, reason)
		}
	}
}
