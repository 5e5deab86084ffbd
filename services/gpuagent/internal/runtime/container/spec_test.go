package container

import (
	"slices"
	"strings"
	"testing"

	enginemount "github.com/moby/moby/api/types/mount"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/mount"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

func order(change func(*runtime.Order)) runtime.Order {
	o := runtime.Order{
		Template: &gpuagentv1.Template{Image: "i:1"}, Command: []string{"run"}, WorkDir: "/w", TempDir: "/t",
		Env: []string{"A=1", "A=2"},
	}
	change(&o)
	return o
}

func TestSpec(t *testing.T) {
	o := order(func(o *runtime.Order) {
		o.Args, o.Ports = []string{"x"}, map[string]int32{"http": 8081}
	})
	spec, err := specOf(o, imageFacts{env: []string{"PYTHONUNBUFFERED=0"}}, "7:8", Options{Network: "bridge"})
	if err != nil {
		t.Fatal(err)
	}
	if c := spec.Config; !slices.Equal(c.Entrypoint, []string{"run"}) || !slices.Equal(c.Cmd, []string{"x"}) || c.User != "7:8" ||
		!slices.Equal(c.Env, []string{"A=2", "HOME=/w"}) {
		t.Errorf("config %+v", c)
	}
	for port, bindings := range spec.HostConfig.PortBindings {
		if port.Num() != 8081 || bindings[0].HostPort != "8081" || bindings[0].HostIP.String() != "127.0.0.1" {
			t.Errorf("%v is published as %v", port, bindings)
		}
	}
	if len(spec.HostConfig.PortBindings) != 1 {
		t.Errorf("published %v", spec.HostConfig.PortBindings)
	}
	o = order(func(o *runtime.Order) { o.Command = nil })
	if _, err := specOf(o, imageFacts{}, "", Options{Network: "host"}); err == nil || !strings.Contains(err.Error(), "image i:1 names none") {
		t.Errorf("no command: error %v", err)
	}
	spec, err = specOf(o, imageFacts{entrypoint: []string{"own"}}, "", Options{Network: "host"})
	if err != nil || spec.Config.Entrypoint != nil {
		t.Errorf("config %+v, %v", spec.Config, err)
	}
}

func TestOthersHaveCommandsRunInIt(t *testing.T) {
	o := order(func(o *runtime.Order) { o.RSH = "/opt/kfmesh-rsh" })
	for network, want := range map[string]bool{"host": true, "bridge": false} {
		spec, err := specOf(o, imageFacts{}, "", Options{Network: network})
		if err != nil {
			t.Fatal(err)
		}
		told := slices.Contains(spec.Config.Env, "KFMESH_RSH=/.kfmesh/rsh")
		there := slices.ContainsFunc(spec.HostConfig.Mounts, func(m enginemount.Mount) bool {
			return m.Source == "/opt/kfmesh-rsh" && m.Target == "/.kfmesh/rsh" && m.ReadOnly
		})
		if told != want || there != want {
			t.Errorf("network %s: told %t, there %t, want %t", network, told, there, want)
		}
	}
}

func TestGPUs(t *testing.T) {
	nvidia := []runtime.GPU{{UUID: "GPU-a", Vendor: runtime.Nvidia}, {UUID: "MIG-c", Vendor: runtime.Nvidia}}
	amd := func(devices ...string) runtime.GPU {
		return runtime.GPU{UUID: "GPU-1", Vendor: runtime.AMD, Devices: devices}
	}
	both := []string{runtime.AMD, runtime.Nvidia}
	const none, noneOfAMD = "NVIDIA_VISIBLE_DEVICES=void", "ROCR_VISIBLE_DEVICES="
	for name, tt := range map[string]struct {
		has     []string // vendors
		gpus    []runtime.GPU
		env     []string
		asks    []string // UUIDs of the engine
		devices []string
	}{
		"a node without":         {nil, nil, nil, nil, nil},
		"none of NVIDIA's":       {both[1:], nil, []string{none}, nil, nil},
		"some of NVIDIA's":       {both[1:], nvidia, nil, []string{"GPU-a", "MIG-c"}, nil},
		"none of AMD's":          {both[:1], nil, []string{"HIP_VISIBLE_DEVICES=", noneOfAMD}, nil, nil},
		"one of AMD's":           {both[:1], []runtime.GPU{amd("/dev/dri/renderD129")}, []string{"HIP_VISIBLE_DEVICES=0", "ROCR_VISIBLE_DEVICES=GPU-1"}, nil, []string{"/dev/kfd", "/dev/dri/renderD129"}},
		"one that has no device": {both[:1], []runtime.GPU{amd()}, []string{"HIP_VISIBLE_DEVICES=0", "ROCR_VISIBLE_DEVICES=GPU-1"}, nil, []string{"/dev/kfd", "/dev/dri"}},
		"NVIDIA's of both":       {both, nvidia[:1], []string{"HIP_VISIBLE_DEVICES=", noneOfAMD}, []string{"GPU-a"}, nil},
		"AMD's of both":          {both, []runtime.GPU{amd("/d")}, []string{"HIP_VISIBLE_DEVICES=0", none, "ROCR_VISIBLE_DEVICES=GPU-1"}, nil, []string{"/dev/kfd", "/d"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := order(func(o *runtime.Order) { o.Env, o.GPUs, o.GPUVendors = nil, tt.gpus, tt.has })
			spec, err := specOf(o, imageFacts{env: []string{"PYTHONUNBUFFERED=0"}}, "", Options{Network: "host"})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(spec.Config.Env, tt.env) {
				t.Errorf("variables %q, want %q", spec.Config.Env, tt.env)
			}
			var asks, devices []string
			for _, request := range spec.HostConfig.DeviceRequests {
				if request.Driver != "nvidia" || request.Count != 0 || !slices.Equal(request.Capabilities[0], []string{"gpu"}) {
					t.Errorf("request %+v", request)
				}
				asks = append(asks, request.DeviceIDs...)
			}
			for _, d := range spec.HostConfig.Devices {
				devices = append(devices, d.PathInContainer)
			}
			if !slices.Equal(asks, tt.asks) || !slices.Equal(devices, tt.devices) {
				t.Errorf("asks for %q and gets %q; want %q and %q", asks, devices, tt.asks, tt.devices)
			}
		})
	}
}

func TestWorkingDir(t *testing.T) {
	for name, tt := range map[string]struct {
		template *gpuagentv1.Template
		ofImage  string
		want     string
	}{
		"nobody says":     {&gpuagentv1.Template{}, "", "/w"},
		"image":           {&gpuagentv1.Template{}, "/app", "/app"},
		"image, the root": {&gpuagentv1.Template{}, "/", "/w"},
		"template":        {&gpuagentv1.Template{WorkingDir: "/a/"}, "/app", "/a"},
		"below its own":   {&gpuagentv1.Template{WorkingDir: "a"}, "/app", "/w"}, // WorkDir has it already
	} {
		t.Run(name, func(t *testing.T) {
			got := workingDir(order(func(o *runtime.Order) { o.Template = tt.template }), imageFacts{workDir: tt.ofImage})
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	if got := (*Runtime)(nil).WorkDir(&gpuagentv1.Template{WorkingDir: "a"}, "/own"); got != "/own/a" {
		t.Errorf("its own is %s", got)
	}
	if got := (*Runtime)(nil).WorkDir(&gpuagentv1.Template{WorkingDir: "/a"}, "/own"); got != "/own" {
		t.Errorf("its own is %s", got)
	}
}

func TestMounts(t *testing.T) {
	here := t.TempDir()
	always := []mount.Mount{same("/blobs"), {Source: "/ref", Target: "/ref", ReadOnly: true}}
	o := order(func(o *runtime.Order) {
		o.Mounts = []mount.Mount{{Source: "/volumes/a", Target: "/data"}}
		o.Template.Staging = &gpuagentv1.Staging{
			Directories: []string{"/blobs/run/task", "/scratch", "rel", "/ref/out"},
			Downloads:   []*gpuagentv1.Transfer{{Path: "/models/m"}, {Path: "m"}},
			Files:       []*gpuagentv1.InlineFile{{Path: "/etc/app.yaml"}},
			Uploads:     []*gpuagentv1.Transfer{{Path: "/scratch/out"}},
			Reads:       []string{here, "/does/not/exist"},
			Returns:     []*gpuagentv1.ReturnedPath{{Path: "/blobs/run/task/executor_output.json"}, {Path: "ret"}},
		}
	})
	mounts, err := mountsOf(o, always)
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, m := range mounts {
		targets = append(targets, m.Target)
	}
	slices.Sort(targets)
	want := []string{"/blobs", "/data", "/etc/app.yaml", "/models/m", "/ref", "/ref/out", "/scratch", "/t", "/w", here}
	slices.Sort(want)
	if !slices.Equal(targets, want) {
		t.Errorf("mounts %v, want %v", targets, want)
	}
	for path, reached := range map[string]bool{
		"/data/x": false, "/blobs/x": true, "/blobs": true, "/blobsx": false, "/w/../etc/x": false, "rel": true,
	} {
		if err := reaches(mounts, path, "staging.returns"); (err == nil) != reached {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestUser(t *testing.T) {
	number := func(n int64) *int64 { return &n }
	for name, tt := range map[string]struct {
		me         identity
		sc         *gpuagentv1.SecurityContext
		configured string
		image      string
		want       string
		stranger   bool
		refused    bool
	}{
		"root":                   {identity{}, nil, "", "", "", false, false},
		"root, image of another": {identity{}, nil, "", "jovyan", "", true, false},
		"user":                   {identity{uid: 1000, gid: 100}, nil, "", "", "1000:100", false, false},
		"user, image's":          {identity{uid: 1000, gid: 100}, nil, UserImage, "", "", false, false},
		"rootless":               {identity{uid: 1000, gid: 100, rootless: true}, nil, "", "", "", false, false},
		"rootless, numbered":     {identity{uid: 1000, rootless: true}, nil, "1000", "", "1000", true, false},
		"configured":             {identity{}, nil, "5:6", "", "5:6", true, false},
		"template":               {identity{}, &gpuagentv1.SecurityContext{RunAsUser: number(7)}, "5:6", "", "7", true, false},
		"template's group":       {identity{}, &gpuagentv1.SecurityContext{RunAsGroup: number(7)}, "", "app:9", "app:7", true, false},
		"group of nobody":        {identity{}, &gpuagentv1.SecurityContext{RunAsGroup: number(7)}, "", "", "0:7", false, false},
		"not root":               {identity{}, &gpuagentv1.SecurityContext{RunAsNonRoot: true}, "", "", "", false, true},
		"not root, and is not":   {identity{}, &gpuagentv1.SecurityContext{RunAsNonRoot: true}, "", "app", "", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tt.me.user(&gpuagentv1.Template{SecurityContext: tt.sc}, tt.configured, tt.image)
			if got != tt.want || (err != nil) != tt.refused {
				t.Fatalf("got %q, %v", got, err)
			}
			effective := got
			if effective == "" {
				effective = tt.image
			}
			if err == nil && tt.me.stranger(effective) != tt.stranger {
				t.Errorf("a stranger: %v", !tt.stranger)
			}
		})
	}
	for user, valid := range map[string]bool{"": true, "image": true, "agent": true, "1": true, "1:2": true, "bob": false, "1:": false, ":1": false, "-1": false} {
		if ValidUser(user) != valid {
			t.Errorf("user %q: valid %v", user, !valid)
		}
	}
}

func TestPullPolicy(t *testing.T) {
	const digest = "@sha256:0123456789012345678901234567890123456789012345678901234567890123"
	for image, want := range map[string]gpuagentv1.PullPolicy{
		"alpine":                 gpuagentv1.PullPolicy_PULL_POLICY_ALWAYS,
		"alpine:latest":          gpuagentv1.PullPolicy_PULL_POLICY_ALWAYS,
		"alpine:3.20":            gpuagentv1.PullPolicy_PULL_POLICY_IF_NOT_PRESENT,
		"alpine" + digest:        gpuagentv1.PullPolicy_PULL_POLICY_IF_NOT_PRESENT,
		"alpine:latest" + digest: gpuagentv1.PullPolicy_PULL_POLICY_IF_NOT_PRESENT,
		"r.example:5000/a/b":     gpuagentv1.PullPolicy_PULL_POLICY_ALWAYS,
	} {
		if got, err := pullPolicy(image, 0); got != want || err != nil {
			t.Errorf("%s: %v, %v", image, got, err)
		}
		if got, _ := pullPolicy(image, gpuagentv1.PullPolicy_PULL_POLICY_NEVER); got != gpuagentv1.PullPolicy_PULL_POLICY_NEVER {
			t.Errorf("%s: %v although somebody says never", image, got)
		}
	}
	if _, err := pullPolicy("no name", 0); err == nil {
		t.Error("an image without a name was taken")
	}
}

func TestProgress(t *testing.T) {
	p := progress{}
	for i, step := range []struct {
		id   string
		l    layer
		want int64
	}{{"a", layer{0, 0}, 0}, {"a", layer{50, 100}, 50}, {"b", layer{0, 100}, 25}, {"a", layer{100, 100}, 50}, {"b", layer{200, 100}, 100}} {
		p[step.id] = step.l
		if got := p.percent(); got != step.want {
			t.Errorf("step %d: %d %%, want %d", i, got, step.want)
		}
	}
}
