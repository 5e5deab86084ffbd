package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/internal/fault"
)

type part struct {
	Limit int `koanf:"limit" usage:"most there may be"`
}

func (p part) Validate() error {
	if p.Limit < 0 {
		return fault.Invalidf("limit", "is %d; want 0 or more", p.Limit)
	}
	return nil
}

type sample struct {
	DataDir string        `koanf:"data-dir" usage:"where things are"`
	Wait    time.Duration `koanf:"wait" usage:"how long"`
	Peers   []string      `koanf:"peers" usage:"who else"`
	Token   config.Secret `koanf:"token" usage:"shared secret"`
	Part    part          `koanf:",squash"`
}

func defaults() sample { return sample{DataDir: "/d", Wait: time.Second, Part: part{Limit: 3}} }

func load(t *testing.T, file string, environ, args []string) (sample, error) {
	t.Helper()
	cfg := defaults()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.Bind(flags, &cfg)
	if file != "" {
		path := filepath.Join(t.TempDir(), "kfmesh.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return cfg, config.Load(flags, &cfg, environ)
}

func TestLaterSourcesWin(t *testing.T) {
	const file = "data-dir: /file\nwait: 2s\nlimit: 7\npeers: [a, b]\n"
	env := []string{"KFMESH_DATA_DIR=/env", "KFMESH_WAIT=3s", "KFMESH_SERVER=elsewhere:1"}
	for _, tc := range []struct {
		name    string
		file    string
		env     []string
		args    []string
		dataDir string
		wait    time.Duration
		limit   int
	}{
		{"defaults", "", nil, nil, "/d", time.Second, 3},
		{"file", file, nil, nil, "/file", 2 * time.Second, 7},
		{"environment over file", file, env, nil, "/env", 3 * time.Second, 7},
		{"flag over all", file, env, []string{"--data-dir=/flag", "--limit=9"}, "/flag", 3 * time.Second, 9},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg, err := load(t, tc.file, tc.env, tc.args)
			if err != nil {
				t.Fatal(err)
			}
			if cfg.DataDir != tc.dataDir || cfg.Wait != tc.wait || cfg.Part.Limit != tc.limit {
				t.Errorf("got %+v, want data-dir %s, wait %s, limit %d", cfg, tc.dataDir, tc.wait, tc.limit)
			}
		})
	}
}

func TestListsFromEverySource(t *testing.T) {
	for name, load := range map[string]func() (sample, error){
		"file": func() (sample, error) { return load(t, "peers: [a, b]", nil, nil) },
		"env":  func() (sample, error) { return load(t, "", []string{"KFMESH_PEERS=a,b"}, nil) },
		"flag": func() (sample, error) { return load(t, "", nil, []string{"--peers=a,b"}) },
	} {
		cfg, err := load()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := strings.Join(cfg.Peers, "+"); got != "a+b" {
			t.Errorf("%s: got %q, want a+b", name, got)
		}
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for _, tc := range []struct {
		name, file string
		env, args  []string
		want       string
	}{
		{"unknown key", "data_dir: /x", nil, nil, `did you mean "data-dir"?`},
		{"nested unknown key", "log: {level: x}", nil, nil, "log.level: unknown key"},
		{"not YAML", "a: [", nil, nil, "is not valid YAML"},
		{"missing file", "", nil, []string{"--config=/does/not/exist"}, "does not exist"},
		{"bad duration", "", []string{"KFMESH_WAIT=soon"}, nil, "'wait' time: invalid duration"},
		{"invalid part", "", nil, []string{"--limit=-1"}, "limit: is -1; want 0 or more"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := load(t, tc.file, tc.env, tc.args)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want an error with %q", err, tc.want)
			}
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("kind of %v is not Invalid", err)
			}
		})
	}
}

// Flags must show the defaults that the struct has, or help would lie.
func TestFlagsShowDefaults(t *testing.T) {
	cfg := defaults()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.Bind(flags, &cfg)
	for name, want := range map[string]string{"data-dir": "/d", "wait": "1s", "limit": "3", "peers": "[]", "token": ""} {
		f := flags.Lookup(name)
		if f == nil {
			t.Errorf("no flag --%s", name)
		} else if f.DefValue != want {
			t.Errorf("--%s defaults to %q, want %q", name, f.DefValue, want)
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	cfg, err := load(t, "", []string{"KFMESH_TOKEN=hunter2"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if string(cfg.Token) != "hunter2" {
		t.Fatalf("token is %q", string(cfg.Token))
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(verb, cfg); strings.Contains(s, "hunter2") {
			t.Errorf("%s prints the secret: %s", verb, s)
		}
	}
}
