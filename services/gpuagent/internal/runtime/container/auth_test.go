package container

import (
	"strings"
	"testing"
)

const someAuths = `{"auths": {
	"https://index.docker.io/v1/": {"auth": "aHViOnNlY3JldA=="},
	"ghcr.io": {"username": "gh", "password": "p"},
	"r.example:5000/team": {"auth": "dGVhbTp4Onk="},
	"https://r.example:5000/v2/": {"identitytoken": "token"}
}}`

func TestFindAuth(t *testing.T) {
	for image, want := range map[string][2]string{
		"alpine":                      {"hub", "secret"},
		"someone/image:1":             {"hub", "secret"},
		"ghcr.io/a/b":                 {"gh", "p"},
		"r.example:5000/team/b":       {"team", "x:y"},
		"r.example:5000/teamwork/b:1": {"", ""}, // by its token
	} {
		got, err := findAuth([]byte(someAuths), image)
		if err != nil || got == nil || got.Username != want[0] || got.Password != want[1] || got.Auth != "" {
			t.Errorf("%s: %+v, %v", image, got, err)
		}
	}
	if got, err := findAuth([]byte(someAuths), "quay.io/a/b"); got != nil || err != nil {
		t.Errorf("a registry that nobody knows: %+v, %v", got, err)
	}
	for _, bad := range []string{"", "secret", `{"auths": []}`, `{"auths": {"a.b": {"auth": "!"}}}`, `{"auths": {"a.b": {"auth": "c2VjcmV0"}}}`} {
		_, err := findAuth([]byte(bad), "a.b/c")
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v", bad, err)
		}
	}
}

func FuzzFindAuth(f *testing.F) {
	f.Add([]byte(someAuths), "r.example:5000/team/b")
	f.Add([]byte(`{"auths": {"": {"auth": ""}, "/": {}, "://": {}}}`), "a")
	f.Fuzz(func(t *testing.T, config []byte, image string) {
		auth, err := findAuth(config, image)
		if auth != nil && err != nil {
			t.Errorf("both %+v and %v", auth, err)
		}
	})
}
