package scheduler

import "testing"

func TestPartsSuitWhoAsksForThem(t *testing.T) {
	const whole, mig, media, share = "NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3 MIG-1g.10gb", "NVIDIA H100 80GB HBM3 MIG-1g.10gb+me", "Tesla T4 SHARED"
	for _, tt := range []struct {
		has, want string
		suits     bool
	}{
		{whole, "", true},
		{whole, "nvidia-h100", true},
		{whole, "mig-1g.10gb", false},
		{whole, "shared", false},
		{mig, "", false},
		{mig, "nvidia-h100", false},
		{mig, "mig-1g.10gb", true},
		{mig, "nvidia-h100-mig-1g.10gb", true},
		{mig, "nvidia-a100-mig-1g.10gb", false},
		{mig, "mig-1g.10g", false},
		{mig, "mig-2g.20gb", false},
		{mig, "mig-1g.10gb.me", false},
		{media, "mig-1g.10gb", false},
		{media, "mig-1g.10gb.me", true},
		{media, "mig-1g.10gb+me", true},
		{share, "", false},
		{share, "shared", true},
		{share, "nvidia-tesla-t4-shared", false}, // no part of the name is nvidia, and nobody says whose it is
		{share, "tesla-t4-shared", true},
		{share, "tesla-t4", false},
	} {
		if got := suits(GPU{Model: tt.has}, tt.want); got != tt.suits {
			t.Errorf("%q for who asks for %q: %v", tt.has, tt.want, got)
		}
	}
}
