package ports

import "testing"

func TestPorts(t *testing.T) {
	p := New()
	first, err := p.Allot("a", 0)
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.Allot("b", first)
	if err != nil || second == first {
		t.Fatalf("port %d was promised twice (%v)", second, err)
	}
	p.Release("a")
	again, err := p.Allot("c", first)
	if err != nil || again != first {
		t.Errorf("a free preferred port was not given: %d, want %d (%v)", again, first, err)
	}
}
