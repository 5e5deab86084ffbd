package detect

import (
	"strings"
	"testing"

	"github.com/kfmesh/kfmesh/internal/fault"
)

func TestFakes(t *testing.T) {
	fake, err := ParseFakes("2xH100, 1xownx2", "n1")
	if err != nil {
		t.Fatal(err)
	}
	gpus, err := fake.List(t.Context())
	if err != nil || len(gpus) != 3 {
		t.Fatalf("got %v, %v", gpus, err)
	}
	if g := gpus[1]; g.GetIndex() != 1 || g.GetUuid() != "GPU-fake-n1-1" || g.GetModel() != "NVIDIA H100 80GB HBM3" || g.GetMemoryBytes() != 80<<30 {
		t.Errorf("the second is %v", g)
	}
	if g := gpus[2]; g.GetModel() != "ownx2" || g.GetMemoryBytes() == 0 {
		t.Errorf("one of no known model is %v", g)
	}
	again, err := ParseFakes("2xH100, 1xownx2", "n1")
	if same, _ := again.List(t.Context()); err != nil || same[0].GetUuid() != gpus[0].GetUuid() {
		t.Errorf("UUIDs differ from one start to the next: %v, %v", same[0], err)
	}
}

func TestBadFakes(t *testing.T) {
	for _, bad := range []string{"", "H100", "8", "0xH100", "-1xH100", "8x", "8xH100,", "65xT4", "40xT4,25xL4"} {
		if _, err := ParseFakes(bad, "n1"); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "fake-gpus") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
