package scheduler

import (
	"strings"
	"testing"
)

func workers(count int) []Group {
	return []Group{{Name: "worker", Count: count, Need: Need{GPUs: 1}}}
}

// TestARestoredJobGrows though nothing has changed since: whoever restores it does not know
// whether there was room.
func TestARestoredJobGrows(t *testing.T) {
	s := New(Policy{})
	s.SetNode(node("n1", 4))
	s.Restore(Job{UID: "j", Groups: workers(3), GangMin: 1}, []Slot{{Node: "n1", GPUs: []int32{0}}})
	decisions := s.Decide(start)
	if len(decisions) != 1 {
		t.Fatalf("it decides %v", decisions)
	}
	if p, ok := decisions[0].(Place); !ok || !p.Joins || len(p.Slots) != 2 {
		t.Errorf("it decides %v", decisions)
	}
}

// TestAJobThatIsResized takes what there is, says what it lacks, and gives back what it vacates.
func TestAJobThatIsResized(t *testing.T) {
	s := New(Policy{})
	s.SetNode(node("n1", 2))
	if _, ok := s.TryNow(Job{UID: "j", Groups: workers(1), GangMin: 1}); !ok {
		t.Fatal("it is not placed")
	}
	s.Resize("j", workers(3), 1)
	decisions := s.Decide(start)
	if p, ok := decisions[0].(Place); !ok || len(p.Slots) != 1 {
		t.Fatalf("it decides %v", decisions)
	}
	s.Submit(Job{UID: "other", Groups: workers(1)})
	s.Decide(start)
	s.Resize("j", workers(1), 1)
	if decisions := s.Decide(start); len(decisions) > 0 {
		t.Errorf("what is to go holds its GPU, and it decides %v", decisions)
	}
	s.Resize("j", workers(4), 1)
	decisions = s.Decide(start)
	if w, ok := decisions[0].(Wait); !ok || !w.Joins || !strings.Contains(w.Sentence, "GPU") {
		t.Errorf("it decides %v", decisions)
	}
	s.Resize("j", workers(1), 1)
	s.Vacate("j", []Slot{{Index: 1}})
	decisions = s.Decide(start)
	if p, ok := decisions[0].(Place); !ok || p.UID != "other" {
		t.Errorf("it decides %v", decisions)
	}
}

// TestAQuotaHoldsForGrowth though nodes have room.
func TestAQuotaHoldsForGrowth(t *testing.T) {
	s := New(Policy{})
	s.SetNode(node("n1", 8))
	s.SetQueue(Queue{Name: "q", Quota: 2, BorrowingLimit: Unlimited, LendingLimit: Unlimited})
	if _, ok := s.TryNow(Job{UID: "j", Queue: "q", Groups: workers(1), GangMin: 1}); !ok {
		t.Fatal("it is not placed")
	}
	s.Resize("j", workers(4), 1)
	placed, said := 0, ""
	for range 3 {
		for _, d := range s.Decide(start) {
			switch d := d.(type) {
			case Place:
				placed += len(d.Slots)
			case Wait:
				said = d.Sentence
			}
		}
		s.SetQueue(Queue{Name: "q", Quota: 2, BorrowingLimit: Unlimited, LendingLimit: Unlimited}) // which has all be tried again
	}
	if placed != 1 || !strings.Contains(said, "quota") {
		t.Errorf("%d were placed, and it says %q", placed, said)
	}
}
