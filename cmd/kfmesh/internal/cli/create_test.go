package cli

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// taken is the name of what exists already.
const taken = "taken"

func exists(name string) error {
	if name == taken {
		return fault.AlreadyExistsf("%s exists already", name)
	}
	return nil
}

func (f *fake) CreateSecret(_ context.Context, r *gpuagentv1.CreateSecretRequest) (*gpuagentv1.Secret, error) {
	f.asked(r)
	return &gpuagentv1.Secret{Metadata: r.GetSecret().GetMetadata()}, exists(r.GetSecret().GetMetadata().GetName())
}

func (f *fake) UpdateSecret(_ context.Context, r *gpuagentv1.UpdateSecretRequest) (*gpuagentv1.Secret, error) {
	f.asked(r)
	return &gpuagentv1.Secret{Metadata: r.GetSecret().GetMetadata()}, nil
}

func (f *fake) GetSecret(_ context.Context, r *gpuagentv1.GetSecretRequest) (*gpuagentv1.Secret, error) {
	return &gpuagentv1.Secret{
		Metadata: &metav1.ObjectMeta{Name: r.GetName(), Namespace: "default"}, Type: "Opaque", Sizes: map[string]int64{"password": 21, "empty": 0},
	}, nil
}

func (f *fake) CreateConfigMap(_ context.Context, r *gpuagentv1.CreateConfigMapRequest) (*gpuagentv1.ConfigMap, error) {
	f.asked(r)
	return r.GetConfigMap(), nil
}

func (f *fake) CreateVolume(_ context.Context, r *gpuagentv1.CreateVolumeRequest) (*gpuagentv1.PersistentVolume, error) {
	f.asked(r)
	return r.GetVolume(), nil
}

// request returns the one request of a type that a command sent.
func request[M proto.Message](t *testing.T, f *fake) M {
	t.Helper()
	var found []M
	for _, r := range f.requests {
		if m, ok := r.(M); ok {
			found = append(found, m)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d requests, want 1", len(found))
	}
	return found[0]
}

func TestCreateSecret(t *testing.T) {
	f := populated(t)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("t0ken"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := invoke(t, f, "create", "secret", "generic", "db", "-n", "team", "--from-literal", "user=ann", "--from-file", file, "-l", "app=x")
	if r.status != exitOK || r.out != "created secret db\n" {
		t.Fatalf("status %d, %q, %s", r.status, r.out, r.err)
	}
	s := request[*gpuagentv1.CreateSecretRequest](t, f).GetSecret()
	if m := s.GetMetadata(); m.GetName() != "db" || m.GetNamespace() != "team" || m.GetLabels()["app"] != "x" {
		t.Errorf("metadata %v", m)
	}
	if len(s.GetData()) != 2 || string(s.GetData()["user"]) != "ann" || string(s.GetData()["token"]) != "t0ken" {
		t.Errorf("data %q", s.GetData())
	}
}

func TestReplace(t *testing.T) {
	f := populated(t)
	if r := invoke(t, f, "create", "secret", "generic", taken, "--from-literal", "a=b"); r.status != exitFailed || !strings.Contains(r.err, "exists already") {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	if r := invoke(t, f, "create", "secret", "generic", taken, "--from-literal", "a=b", "--replace"); r.status != exitOK || r.out != "replaced secret taken\n" {
		t.Errorf("status %d, %q: %s", r.status, r.out, r.err)
	}
	if s := request[*gpuagentv1.UpdateSecretRequest](t, f).GetSecret(); string(s.GetData()["a"]) != "b" {
		t.Errorf("updated to %v", s)
	}
}

func TestCreateRegistrySecret(t *testing.T) {
	f := populated(t)
	r := invoke(t, f, "create", "secret", "docker-registry", "ghcr", "--docker-server", "ghcr.io", "--docker-username", "ann", "--docker-password", "pw")
	if r.status != exitOK {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	s := request[*gpuagentv1.CreateSecretRequest](t, f).GetSecret()
	var config struct {
		Auths map[string]struct{ Username, Password, Auth string }
	}
	if err := json.Unmarshal(s.GetData()[".dockerconfigjson"], &config); err != nil {
		t.Fatal(err)
	}
	if login := config.Auths["ghcr.io"]; s.GetType() != "kubernetes.io/dockerconfigjson" || login.Username != "ann" || login.Password != "pw" || login.Auth != "YW5uOnB3" {
		t.Errorf("type %s, login %+v", s.GetType(), login)
	}
}

func TestCreateConfigMapAndVolume(t *testing.T) {
	f := populated(t)
	file := filepath.Join(t.TempDir(), "bin")
	if err := os.WriteFile(file, []byte{0xff}, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := invoke(t, f, "create", "configmap", "app", "--from-literal", "mode=fast", "--from-file", file); r.status != exitOK {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	c := request[*gpuagentv1.CreateConfigMapRequest](t, f).GetConfigMap()
	if c.GetData()["mode"] != "fast" || string(c.GetBinaryData()["bin"]) != "\xff" || len(c.GetData()) != 1 {
		t.Errorf("config map %v", c)
	}
	if r := invoke(t, f, "create", "volume", "data", "--size", "1.5Gi", "--access-mode", "ReadWriteMany"); r.status != exitOK {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	if v := request[*gpuagentv1.CreateVolumeRequest](t, f).GetVolume(); v.GetSpec().GetSizeBytes() != 3<<29 || v.GetSpec().GetAccessModes()[0] != "ReadWriteMany" {
		t.Errorf("volume %v", v)
	}
}

func TestDescribeSecretShowsSizes(t *testing.T) {
	r := invoke(t, populated(t), "describe", "secret", "db")
	for _, want := range []string{"Opaque", "password   21 bytes", "empty      0 bytes"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("lacks %q:\n%s", want, r.out)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	for args, says := range map[string]string{
		"create frob x": "unknown command",
		"create secret generic db --from-literal hunter2":                       "want KEY=VALUE",
		"create secret generic db --from-file a=- --from-env-file -":            "can be read once",
		"create secret docker-registry r --docker-username u":                   "docker-password",
		"create volume data --size many":                                        "is no size",
		"create secret generic":                                                 "accepts 1 arg",
		"create secret docker-registry r --docker-username u --docker-password": "docker-password",
	} {
		f := populated(t)
		r := invoke(t, f, strings.Fields(args)...)
		if r.status != exitUsage || !strings.Contains(r.err, says) || strings.Contains(r.err, "hunter2") || len(f.requests) > 0 {
			t.Errorf("%s: status %d, %s; want one that says %q", args, r.status, r.err, says)
		}
	}
}
