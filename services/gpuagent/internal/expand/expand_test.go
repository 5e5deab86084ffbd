package expand

import (
	"fmt"
	"strings"
	"testing"
)

func testScope() Scope {
	return Scope{
		Group: "worker", Index: 1, WorkDir: "/w",
		Replicas: map[string][]Address{
			"ps":     {{Host: "h0", Ports: map[string]int32{"grpc": 7}}},
			"worker": {{Host: "h1"}, {Host: "h2", Ports: map[string]int32{"rdzv": 29500}}},
		},
	}
}

func TestString(t *testing.T) {
	tests := []struct{ in, want, err string }{
		{"", "", ""},
		{"plain $HOME $$ {x}", "plain $HOME $$ {x}", ""},
		{"${self.index}/${workdir}", "1//w", ""},
		{"${replica.worker.1.host}:${replica.worker.1.port.rdzv}", "h2:29500", ""},
		{"${HOME:-x} ${#} ${a", "${HOME:-x} ${#} ${a", ""},
		{"$${self.index} $$${workdir}", "${self.index} $${workdir}", ""},
		{"${self.index+0} ${self.index+10}", "1 11", ""},
		{"${self.first}", "false", ""},
		{"${self.host}:${self.port.rdzv}", "h2:29500", ""},
		{"${self.index+x}", "", "want ${self.index}"},
		{"${self.index-1}", "", "want ${self.index}"},
		{"${self.port.http}", "", `no port "http"`},
		{"${keep}", "", "keeps no directory"},
		{"${replica.chief.0.host}", "", `no replica group "chief"`},
		{"${replica.worker.2.host}", "", "replicas 0 to 1"},
		{"${replica.worker.x.host}", "", "replicas 0 to 1"},
		{"${replica.ps.0.port.http}", "", `no port "http"`},
		{"${replica.ps.0}", "", "want ${replica.GROUP.INDEX.host}"},
		{"${replica.ps.0.hots}", "", "want host or port.NAME"},
	}
	for _, tt := range tests {
		got, err := String(tt.in, testScope())
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%q: error %v, want one with %q", tt.in, err, tt.err)
			}
			continue
		}
		if err != nil || got != tt.want {
			t.Errorf("%q: %q, %v; want %q", tt.in, got, err, tt.want)
		}
	}
}

func FuzzString(f *testing.F) {
	for _, seed := range []string{"${workdir}", "$${", "${replica.ps.0.port.grpc}", "${replica...}", "${", "$$${}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := String(text, testScope())
		if err == nil && !strings.Contains(text, "${") && got != text {
			t.Errorf("%q became %q", text, got)
		}
	})
}

func TestReferences(t *testing.T) {
	var got []string
	References("${replica.ps.0.host}:${self.port.x} $${replica.no.1.host} ${replica.worker.12.port.rdzv} ${replica.worker.x.host} ${replica", func(group string, index int) {
		got = append(got, fmt.Sprint(group, index))
	})
	if want := "ps0 worker12"; strings.Join(got, " ") != want {
		t.Errorf("it refers to %q, want %q", got, want)
	}
}
