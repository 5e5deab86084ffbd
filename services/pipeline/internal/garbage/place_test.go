package garbage

import "testing"

func TestPlaceOf(t *testing.T) {
	const run = "7e3b5a52-3d53-4b57-9d7c-0a8a4d3c2f10"
	tests := map[string]struct {
		root, uri string
		want      Place // empty: in none
	}{
		"artifact":            {"/data/artifacts", "/data/artifacts/p/" + run + "/train/t/model", "p/" + run},
		"in a bucket":         {"s3://b/artifacts/", "s3://b/artifacts/a%2Fb/" + run + "/t", "a%2Fb/" + run},
		"the place itself":    {"/data/artifacts", "/data/artifacts/p/" + run, "p/" + run},
		"elsewhere":           {"/data/artifacts", "/data/other/p/" + run + "/x", ""},
		"beside the root":     {"/data/artifacts", "/data/artifacts2/p/" + run + "/x", ""},
		"no run":              {"/data/artifacts", "/data/artifacts/p/shared/x", ""},
		"a run's name in it":  {"/data/artifacts", "/data/artifacts/p/" + run + "x/y", ""},
		"root within a root":  {"/data/artifacts", "/data/artifacts/team/p/" + run + "/x", ""},
		"another form of run": {"/data/artifacts", "/data/artifacts/p/{7e3b5a52-3d53-4b57-9d7c-0a8a4d3c2f10}", ""},
		"the root":            {"/data/artifacts", "/data/artifacts/", ""},
		"nothing":             {"/data/artifacts", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := PlaceOf(tt.root, tt.uri)
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("place %q, %v; want %q", got, ok, tt.want)
			}
			if ok && got.Run() != run {
				t.Errorf("run %q", got.Run())
			}
		})
	}
}

func TestRunOf(t *testing.T) {
	const run = "7e3b5a52-3d53-4b57-9d7c-0a8a4d3c2f10"
	for workload, want := range map[string]string{
		run + "-11111111-1111-1": run, run: "", run + "x": "", "my-job": "", "": "", run[1:] + "-1": "",
	} {
		if got, ok := RunOf(workload); ok != (want != "") || ok && got != want {
			t.Errorf("%q is of run %q, %v; want %q", workload, got, ok, want)
		}
	}
}

func FuzzPlaceOf(f *testing.F) {
	f.Add("/data/artifacts", "/data/artifacts/p/7e3b5a52-3d53-4b57-9d7c-0a8a4d3c2f10/x")
	f.Fuzz(func(t *testing.T, root, uri string) {
		if place, ok := PlaceOf(root, uri); ok && !isRun(place.Run()) {
			t.Errorf("place %q of %q below %q is that of no run", place, uri, root)
		}
	})
}
