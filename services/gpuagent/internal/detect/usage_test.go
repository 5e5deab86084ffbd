package detect

import "testing"

func TestParseStat(t *testing.T) {
	l, ok := parseStat([]byte("cpu  100 5 50 800 20 3 2 20 7 0\ncpu0 1 1 1 1\n"))
	if want := (Load{busy: 180, all: 1000}); !ok || l != want {
		t.Errorf("%+v, %v, want %+v", l, ok, want)
	}
	for _, bad := range []string{"", "cpu", "intr 1 2 3 4 5 6", "cpu a b c d e f"} {
		if l, ok := parseStat([]byte(bad)); ok {
			t.Errorf("%q was read as %+v", bad, l)
		}
	}
}

func TestParseAvailable(t *testing.T) {
	if n, ok := parseAvailable([]byte("MemTotal: 9 kB\nMemAvailable:   1024 kB\n")); !ok || n != 1<<20 {
		t.Errorf("%d, %v", n, ok)
	}
	for _, bad := range []string{"", "MemAvailable: much kB"} {
		if n, ok := parseAvailable([]byte(bad)); ok {
			t.Errorf("%q was read as %d", bad, n)
		}
	}
}

func FuzzUsage(f *testing.F) {
	f.Add([]byte("cpu  100 5 50 800 20 3 2 20 7 0\nMemAvailable:   1024 kB\n"))
	f.Fuzz(func(_ *testing.T, text []byte) {
		parseStat(text)
		parseAvailable(text)
	})
}
