package runtime

import (
	"strings"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// fake is a runtime that suits some images and has a past at some places.
type fake struct {
	Runtime
	name   string
	suits  string
	begun  string
	broken error
}

func (f fake) Name() string            { return f.name }
func (f fake) Suits(image string) bool { return strings.HasPrefix(image, f.suits) }

func (f fake) History(at Place) (History, error) {
	if at.Dir == f.begun {
		return History{Attempts: []int{1}, Begun: 1, Next: 2, Open: true}, f.broken
	}
	return History{Next: 1}, f.broken
}

func TestChoose(t *testing.T) {
	set := Set{Offered: []Runtime{fake{name: Process, suits: "python"}, fake{name: Container, suits: "al"}}}
	for _, tt := range []struct{ image, asks, want string }{
		{"python:3.11", "", Process},
		{"alpine", "", Container},
		{"neither", "", Process},
		{"alpine", Process, Process},
		{"python:3.11", Container, Container},
		{"alpine", "chroot", ""},
	} {
		got, err := set.Choose(&gpuagentv1.Template{Image: tt.image, Runtime: tt.asks})
		switch {
		case tt.want == "":
			if err == nil || !strings.Contains(err.Error(), `"chroot" is not one that this node is configured for: it has process and container`) {
				t.Errorf("%v: error %v", tt, err)
			}
		case err != nil:
			t.Errorf("%v: %v", tt, err)
		case got.Name() != tt.want:
			t.Errorf("%v: got %s", tt, got.Name())
		}
	}
}

func TestPast(t *testing.T) {
	set := Set{Offered: []Runtime{fake{name: Process, begun: "/a"}}, Retired: []Runtime{fake{name: Container, begun: "/b"}}}
	for dir, want := range map[string]string{"/a": Process, "/b": Container, "/c": ""} {
		past, h, err := set.Past(Place{Dir: dir})
		switch {
		case err != nil:
			t.Errorf("%s: %v", dir, err)
		case want == "":
			if past != nil {
				t.Errorf("%s: got %s, want none", dir, past.Name())
			}
		case past == nil || past.Name() != want || !h.Open:
			t.Errorf("%s: got %v, %+v; want %s", dir, past, h, want)
		}
	}
}
