package taint

import (
	"strings"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"team=a:NoSchedule":                     "",
		"team:NoSchedule":                       "",
		"example.com/team=a_b.c:NoSchedule":     "",
		"team=a":                                "want KEY=VALUE:NoSchedule",
		"team=a:":                               `effect ""`,
		"=a:NoSchedule":                         `key ""`,
		"team=a b:NoSchedule":                   `value "a b"`,
		"team=a:NoExecute":                      "NoExecute is not known here",
		"team=a:PreferNoSchedule":               "PreferNoSchedule is not known here",
		"team=a:Never":                          `effect "Never"`,
		strings.Repeat("k", 64) + ":NoSchedule": "keys of labels",
	} {
		got, err := Parse(text)
		switch {
		case want == "" && (err != nil || String(got) != text):
			t.Errorf("%s is read as %v (%v)", text, got, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want one that says %s", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("team=a:NoSchedule")
	f.Add("a/b:NoSchedule=")
	f.Fuzz(func(t *testing.T, text string) {
		read, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(String(read))
		if err != nil || String(again) != String(read) {
			t.Errorf("%q is read as %v, and that as %v (%v)", text, read, again, err)
		}
	})
}

func TestChange(t *testing.T) {
	parse := func(texts ...string) []*gpuagentv1.Taint {
		var all []*gpuagentv1.Taint
		for _, text := range texts {
			taint, err := Parse(text + ":NoSchedule")
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, taint)
		}
		return all
	}
	own, given := parse("agents=1"), parse("a=1", "b")
	for name, tt := range map[string]struct {
		request *gpuagentv1.TaintNodeRequest
		want    string
		err     fault.Kind
	}{
		"one more":               {&gpuagentv1.TaintNodeRequest{Add: parse("c=3")}, "a=1:NoSchedule b:NoSchedule c=3:NoSchedule", 0},
		"one it has":             {&gpuagentv1.TaintNodeRequest{Add: parse("a=1")}, "a=1:NoSchedule b:NoSchedule", 0},
		"another value":          {&gpuagentv1.TaintNodeRequest{Add: parse("a=2")}, "", fault.AlreadyExists},
		"another value, meant":   {&gpuagentv1.TaintNodeRequest{Add: parse("a=2"), Overwrite: true}, "a=2:NoSchedule b:NoSchedule", 0},
		"gone by key":            {&gpuagentv1.TaintNodeRequest{Remove: []*gpuagentv1.Taint{{Key: "a"}}}, "b:NoSchedule", 0},
		"gone by effect":         {&gpuagentv1.TaintNodeRequest{Remove: parse("b")}, "a=1:NoSchedule", 0},
		"moved":                  {&gpuagentv1.TaintNodeRequest{Remove: parse("b"), Add: parse("b=2")}, "a=1:NoSchedule b=2:NoSchedule", 0},
		"one it has not":         {&gpuagentv1.TaintNodeRequest{Remove: []*gpuagentv1.Taint{{Key: "z"}}}, "", fault.NotFound},
		"the agent's":            {&gpuagentv1.TaintNodeRequest{Remove: []*gpuagentv1.Taint{{Key: "agents"}}}, "", fault.Precondition},
		"another of the agent's": {&gpuagentv1.TaintNodeRequest{Add: parse("agents=2"), Overwrite: true}, "", fault.Precondition},
		"nothing":                {&gpuagentv1.TaintNodeRequest{}, "", fault.Invalid},
		"a wrong one":            {&gpuagentv1.TaintNodeRequest{Add: []*gpuagentv1.Taint{{Key: "a", Effect: "NoExecute"}}}, "", fault.Invalid},
	} {
		got, err := Change("n", own, given, tt.request)
		if tt.err != 0 || err != nil {
			if !fault.Is(err, tt.err) {
				t.Errorf("%s: error %v", name, err)
			}
			continue
		}
		var texts []string
		for _, taint := range got {
			texts = append(texts, String(taint))
		}
		if strings.Join(texts, " ") != tt.want {
			t.Errorf("%s: %v, want %s", name, texts, tt.want)
		}
	}
}
