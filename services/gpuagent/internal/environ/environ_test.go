package environ

import (
	"slices"
	"testing"
)

func TestInherit(t *testing.T) {
	host := []string{
		"PATH=/bin", "HOME=/root", "KEYBOARD=us", "SSL_CERT_FILE=/c", "MONKEY=1", "TOKENIZERS_PARALLELISM=0", "HTTP_PROXY=p",
		"AWS_SECRET_ACCESS_KEY=x", "GITHUB_TOKEN=x", "api_key=x", "DB_PASSWORD=x", "KFMESH_DATABASE_URL=x", "HF_TOKEN=h",
		"VIRTUAL_ENV=/v", "broken", "=odd",
	}
	want := []string{
		"PATH=/bin", "HOME=/root", "KEYBOARD=us", "SSL_CERT_FILE=/c", "MONKEY=1", "TOKENIZERS_PARALLELISM=0", "HTTP_PROXY=p",
		"HF_TOKEN=h",
	}
	if got := Inherit(host, []string{"HF_TOKEN"}); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestPrependPath(t *testing.T) {
	env := PrependPath([]string{"PATH=/a", "PATH=/b"}, "PATH", "/x", "/y")
	if got, _ := Lookup(env, "PATH"); got != "/x:/y:/b" {
		t.Errorf("PATH %q", got)
	}
	if got, _ := Lookup(PrependPath(nil, "PYTHONPATH", "/x"), "PYTHONPATH"); got != "/x" {
		t.Errorf("PYTHONPATH %q", got)
	}
}
