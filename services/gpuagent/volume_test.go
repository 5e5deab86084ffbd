package gpuagent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func (a *agent) createVolume(name string) *gpuagentv1.PersistentVolume {
	a.t.Helper()
	v, err := a.volumes.CreateVolume(a.t.Context(), &gpuagentv1.CreateVolumeRequest{
		Volume: &gpuagentv1.PersistentVolume{Metadata: &metav1.ObjectMeta{Name: name}},
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return v
}

func (a *agent) deleteVolume(name string) {
	a.t.Helper()
	if _, err := a.volumes.DeleteVolume(a.t.Context(), &gpuagentv1.DeleteVolumeRequest{Name: name}); err != nil {
		a.t.Fatal(err)
	}
}

func (a *agent) awaitNoVolume(name string) {
	a.t.Helper()
	eventually(a.t, "volume "+name+" gone", func() bool {
		_, err := a.volumes.GetVolume(a.t.Context(), &gpuagentv1.GetVolumeRequest{Name: name})
		return fault.Is(err, fault.NotFound)
	})
}

// skipWithoutMounts skips a test where the kernel makes no mounts for us.
func skipWithoutMounts(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("this needs root, or a host that lets users make namespaces")
	}
}

func TestMounts(t *testing.T) {
	skipWithoutMounts(t)
	n := newNode(t)
	a := n.start()
	a.createSecret("db", map[string]string{"password": password, "user": "ann"})
	a.createConfigMap("app", map[string]string{"settings.ini": "[x]\n"})
	a.createVolume("data")
	outside := filepath.Join(t.TempDir(), "not", "there")
	w := shell("w", strings.Join([]string{
		"set -e",
		"cat /kfmesh-none/db/login/name /kfmesh-none/app/settings.ini",
		"test ! -e /kfmesh-none/db/password",
		"(echo x > /kfmesh-none/db/new) 2>/dev/null && exit 9",
		"echo kept > /mnt/kfmesh-data/f; echo deep > /mnt/kfmesh-data/deep/g",
		"echo scratch > " + outside + "/s; cat " + outside + "/s",
		"test -x /bin/sh; ls /proc/self > /dev/null",
	}, "\n"))
	template := w.Spec.Groups[0].Template
	mountAt(template, "/kfmesh-none/db", named("s", secretVolume("db", map[string]string{"user": "login/name"})))
	mountAt(template, "/kfmesh-none/app", &gpuagentv1.Volume{
		Name: "c", Source: &gpuagentv1.Volume_ConfigMap{ConfigMap: &gpuagentv1.KeyedSource{Name: "app"}},
	})
	mountAt(template, "/mnt/kfmesh-data", claim("data"))
	mountAt(template, "/mnt/kfmesh-data/deep", claim("data")).SubPath = "a/b"
	mountAt(template, outside, &gpuagentv1.Volume{Name: "e", Source: &gpuagentv1.Volume_EmptyDir{EmptyDir: &gpuagentv1.EmptyDir{InMemory: true}}})
	a.submit(w)
	if s := a.awaitEnd("w"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
		t.Fatalf("status %v\n%s", s, a.log("w"))
	}
	if got, want := a.log("w"), "ann[x]\nscratch\n"; got != want {
		t.Errorf("log %q, want %q", got, want)
	}
	dir := filepath.Join(n.dir, "agent/volumes/default/data")
	for file, want := range map[string]string{"f": "kept\n", "a/b/g": "deep\n"} {
		if data, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(data) != want {
			t.Errorf("%s in the volume: %q, %v", file, data, err)
		}
	}
	for _, path := range []string{"/kfmesh-none", "/mnt/kfmesh-data", outside} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is left on the host: %v", path, err)
		}
	}
	if table, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(table), n.dir) {
		t.Errorf("mounts are left on the host: %v\n%s", err, table)
	}
	eventually(t, "the volume measured", func() bool {
		v, err := a.volumes.GetVolume(t.Context(), &gpuagentv1.GetVolumeRequest{Name: "data"})
		return err == nil && v.GetStatus().GetUsedBytes() == int64(len("kept\ndeep\n"))
	})
}

func named(name string, v *gpuagentv1.Volume) *gpuagentv1.Volume {
	v.Name = name
	return v
}

func TestReadOnlyMount(t *testing.T) {
	skipWithoutMounts(t)
	a := newNode(t).start()
	a.createVolume("data")
	w := shell("w", "echo x > /mnt/f")
	mountAt(w.Spec.Groups[0].Template, "/mnt", claim("data")).ReadOnly = true
	a.submit(w)
	if s := a.awaitEnd("w"); s.GetPhase() != gpuagentv1.Phase_PHASE_FAILED || !strings.Contains(a.log("w"), "Read-only file system") {
		t.Errorf("status %v\n%s", s, a.log("w"))
	}
}

func TestMountPointOfAnotherKind(t *testing.T) {
	skipWithoutMounts(t)
	a := newNode(t).start()
	a.createVolume("data")
	w := shell("w", "exit 0")
	mountAt(w.Spec.Groups[0].Template, "/etc/passwd", claim("data"))
	a.submit(w)
	s := a.awaitEnd("w")
	if want := "mount point /etc/passwd: it is a file, and what is to be mounted there a directory"; s.GetReason() != "FailedMount" || s.GetMessage() != want {
		t.Errorf("%s, %q; want %q", s.GetReason(), s.GetMessage(), want)
	}
}

func TestRunAsAnotherUser(t *testing.T) {
	skipWithoutMounts(t)
	n := newNode(t)
	if err := os.Chmod(n.dir, 0o700); err != nil { // as the directory of all data is
		t.Fatal(err)
	}
	a := n.start()
	a.createSecret("db", map[string]string{"password": password})
	id := int64(65534)
	w := shell("w", "id -u && echo x > mine && echo y > $TMPDIR/mine && stat -c '%a %u' /mnt/password && cat /mnt/password && ! ls "+n.dir+" 2>/dev/null")
	w.Spec.Groups[0].Template.SecurityContext = &gpuagentv1.SecurityContext{RunAsUser: &id, RunAsNonRoot: true}
	mountAt(w.Spec.Groups[0].Template, "/mnt", secretVolume("db", nil))
	a.submit(w)
	s := a.awaitEnd("w")
	if want := "65534\n400 65534\n" + password; a.log("w") != want {
		t.Errorf("log %q, want %q; status %v", a.log("w"), want, s)
	}
	root := shell("root", "exit 0")
	root.Spec.Groups[0].Template.SecurityContext = &gpuagentv1.SecurityContext{RunAsNonRoot: true}
	a.submit(root)
	if s := a.awaitEnd("root"); s.GetReason() != "CreateContainerConfigError" || !strings.Contains(s.GetMessage(), "not to run as root") {
		t.Errorf("status %v", s)
	}
}

// TestAVolumeGoesWhenNothingMountsIt deletes a volume under a workload, ends its
// agent, and has the next one finish the job.
func TestAVolumeGoesWhenNothingMountsIt(t *testing.T) {
	skipWithoutMounts(t)
	n, dir := newNode(t), t.TempDir()
	first := n.start()
	path := first.createVolume("data").GetStatus().GetPath()
	w := shell("w", "echo x > /mnt/f; "+until(dir, "w", 0))
	mountAt(w.Spec.Groups[0].Template, "/mnt", claim("data"))
	first.submit(w)
	awaitFile(t, dir+"/w.ran")
	first.deleteVolume("data")
	v, err := first.volumes.GetVolume(t.Context(), &gpuagentv1.GetVolumeRequest{Name: "data"})
	if err != nil || !v.GetStatus().GetDeleting() {
		t.Fatalf("volume %v, %v; want one that waits to go", v, err)
	}
	_, err = first.volumes.CreateVolume(t.Context(), &gpuagentv1.CreateVolumeRequest{Volume: &gpuagentv1.PersistentVolume{Metadata: &metav1.ObjectMeta{Name: "data"}}})
	if !fault.Is(err, fault.AlreadyExists) || !strings.Contains(err.Error(), "still being deleted") {
		t.Errorf("create meanwhile: %v", err)
	}
	late := shell("late", "exit 0")
	mountAt(late.Spec.Groups[0].Template, "/mnt", claim("data"))
	first.submit(late)
	if s := first.awaitEnd("late"); s.GetMessage() != "volume v: volume default/data is being deleted" {
		t.Errorf("a mounter that comes late: %v", s)
	}
	first.end()
	second := n.start()
	if _, err := os.Stat(filepath.Join(path, "f")); err != nil {
		t.Errorf("the volume of a running workload: %v", err)
	}
	touch(t, dir+"/w.go")
	second.awaitEnd("w")
	second.awaitNoVolume("data")
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("its directory: %v", err)
	}
	second.createVolume("data") // its name is free again
	second.deleteVolume("data")
	second.awaitNoVolume("data")
}
