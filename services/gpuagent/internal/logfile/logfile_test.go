package logfile

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTail(t *testing.T) {
	long := strings.Repeat("x", 100<<10)
	tests := []struct {
		content string
		lines   int
		limit   int64
		want    string
	}{
		{"", 2, 100, ""},
		{"a\nb\nc\n", 2, 100, "b\nc\n"},
		{"a\nb\nc", 2, 100, "b\nc"},
		{"a\nb\n", 9, 100, "a\nb\n"},
		{"a\n\n\n", 2, 100, "\n\n"},
		{"abcdef", 1, 3, "def"},
		{long + "\nend\n", 1, 100, "end\n"},
		{"end\n" + long + "\n", 2, 8 << 20, "end\n" + long + "\n"},
		{"\xff!\n", 1, 100, "\uFFFD!\n"},
	}
	for i, tt := range tests {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := Tail(path, tt.lines, tt.limit); got != tt.want {
			t.Errorf("%d: got %d bytes %.20q, want %d", i, len(got), got, len(tt.want))
		}
	}
	if got := Tail("/no/such/file", 3, 100); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	seen := make(chan string, 100)
	done, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- Begin(0).Follow(context.Background(), path, done, func(b []byte) error {
			seen <- string(b)
			return nil
		})
	}()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one\n", "two"} {
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if got := <-seen; got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
	if _, err := f.WriteString("last"); err != nil {
		t.Fatal(err)
	}
	close(done)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := <-seen; got != "last" {
		t.Errorf("got %q: what was written before the end was lost", got)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Begin(0).Follow(ctx, "/no/such/file", nil, func([]byte) error { return nil }); err == nil {
		t.Error("want an error")
	}
}
