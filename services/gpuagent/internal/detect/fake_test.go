package detect

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func fakes(t *testing.T, description string) []*gpuagentv1.Gpu {
	t.Helper()
	fake, err := ParseFakes(description, "n1")
	if err != nil {
		t.Fatal(err)
	}
	gpus, err := fake.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return gpus
}

func TestFakes(t *testing.T) {
	gpus := fakes(t, "2xH100, 1xownx2")
	if len(gpus) != 3 {
		t.Fatalf("got %v", gpus)
	}
	if g := gpus[1]; g.GetIndex() != 1 || g.GetUuid() != "GPU-fake-n1-1" || g.GetModel() != "NVIDIA H100 80GB HBM3" || g.GetMemoryBytes() != 80<<30 {
		t.Errorf("the second is %v", g)
	}
	if g := gpus[2]; g.GetModel() != "ownx2" || g.GetMemoryBytes() == 0 {
		t.Errorf("one of no known model is %v", g)
	}
	if same := fakes(t, "2xH100, 1xownx2"); same[0].GetUuid() != gpus[0].GetUuid() {
		t.Errorf("UUIDs differ from one start to the next: %v", same[0])
	}
}

func TestFakesThatAreClose(t *testing.T) {
	groups := func(description string) []int32 {
		var groups []int32
		for _, gpu := range fakes(t, description) {
			groups = append(groups, gpu.GetLinkGroup())
		}
		return groups
	}
	for description, want := range map[string][]int32{
		"4xH100":        {1, 1, 1, 1}, // joined by switches
		"4xT4":          {1, 1, 2, 2}, // by socket
		"2xA100,2xH100": {1, 1, 2, 2},
		"2xA100,1xT4":   {1, 1, 2},
	} {
		got := groups(description)
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: groups %v, want %v", description, got, want)
				break
			}
		}
	}
}

func TestFakesInParts(t *testing.T) {
	gpus := fakes(t, "1xA100:mig-3g.40gb*1+mig-1g.10gb*4,1xT4:shared*2,1xL4")
	if len(gpus) != 8 {
		t.Fatalf("%d units: %v", len(gpus), gpus)
	}
	for at, want := range map[int]*gpuagentv1.Gpu{
		0: {Index: 1001, Uuid: "MIG-fake-n1-0-1", Model: "NVIDIA A100-SXM4-80GB MIG-3g.40gb", MemoryBytes: 40 << 30, ParentUuid: "GPU-fake-n1-0", Profile: "3g.40gb"},
		4: {Index: 1005, Uuid: "MIG-fake-n1-0-5", Model: "NVIDIA A100-SXM4-80GB MIG-1g.10gb", MemoryBytes: 10 << 30, ParentUuid: "GPU-fake-n1-0", Profile: "1g.10gb"},
		6: {Index: 2002, Uuid: "GPU-fake-n1-1::2", Model: "Tesla T4 SHARED", MemoryBytes: 16 << 30, ParentUuid: "GPU-fake-n1-1", Shares: 2},
		7: {Index: 2, Uuid: "GPU-fake-n1-2", Model: "NVIDIA L4", MemoryBytes: 24 << 30},
	} {
		g := gpus[at]
		if g.GetIndex() != want.GetIndex() || g.GetUuid() != want.GetUuid() || g.GetModel() != want.GetModel() || g.GetMemoryBytes() != want.GetMemoryBytes() ||
			g.GetParentUuid() != want.GetParentUuid() || g.GetProfile() != want.GetProfile() || g.GetShares() != want.GetShares() {
			t.Errorf("unit %d is\n%v, want\n%v", at, g, want)
		}
	}
}

func TestBadFakes(t *testing.T) {
	for _, bad := range []string{
		"", "H100", "8", "0xH100", "-1xH100", "8x", "8xH100,", "65xT4", "40xT4,25xL4",
		"1xT4:", "1xT4:shared", "1xT4:shared*1", "1xT4:shared*x", "1xT4:shared*999", "1xA100:mig-big*2", "1xA100:mig-1g.5gb*8", "1xA100:mig-1g.5gb*0",
		"1xA100:mig-1g.5gb*2+shared*2", "1xA100:1g.5gb*2",
	} {
		if _, err := ParseFakes(bad, "n1"); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "fake-gpus") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParseFakes(f *testing.F) {
	for _, text := range []string{"8xH100", "1xA100:mig-3g.40gb*1+mig-1g.10gb+me*2", "2xT4:shared*4,1xx", "1xT4::*"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fake, err := ParseFakes(text, "n")
		if err != nil {
			return
		}
		gpus, err := fake.List(context.Background())
		seen := map[int32]bool{}
		for _, gpu := range gpus {
			if seen[gpu.GetIndex()] {
				t.Errorf("%q has two units %d", text, gpu.GetIndex())
			}
			seen[gpu.GetIndex()] = true
		}
		if err != nil || len(gpus) == 0 {
			t.Errorf("%q: %v, %v", text, gpus, err)
		}
	})
}

func TestFakesFail(t *testing.T) {
	fake, err := ParseFakes("4xH100", "n1")
	if err != nil {
		t.Fatal(err)
	}
	fake.Events = filepath.Join(t.TempDir(), "events")
	if err := os.WriteFile(fake.Events, []byte("0 48\n"), 0o600); err != nil { // before it listens
		t.Fatal(err)
	}
	read, err := size(fake.Events)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(fake.Events, []byte("0 48\n3 79\nnonsense\n9 79\n1 31\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var told []Trouble
	if _, err := fake.readFrom(read, func(t Trouble) { told = append(told, t) }); err != nil {
		t.Fatal(err)
	}
	if len(told) != 2 || told[0].UUID != "GPU-fake-n1-3" || told[0].XID != 79 || !strings.Contains(told[0].Problem, "fallen off the bus") {
		t.Fatalf("told %v", told)
	}
	if told[1].XID != 31 || told[1].Problem != "" {
		t.Errorf("of an application's error is told %v", told[1])
	}
}

func TestShares(t *testing.T) {
	fake, err := ParseFakes("1xT4,1xA100:mig-1g.10gb*2,1xL4", "n1")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{"": 4, "1": 4, "2": 6, "T4=4": 7, "t4=4,L4=2": 8, "3,T4=1": 6} {
		shares, err := ParseShares(text)
		if err != nil {
			t.Fatal(err)
		}
		units, err := shares.Divide(fake).List(t.Context())
		if err != nil || len(units) != want {
			t.Errorf("%q: %d units, want %d: %v", text, len(units), want, err)
		}
	}
	for _, bad := range []string{"0", "x", "T4=", "=4", "129", "4,", "T4=4;L4=2"} {
		if _, err := ParseShares(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
