package sqlstore

import (
	"sync"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// door lets transactions in until it is shut, and can wait for those inside.
type door struct {
	mu     sync.Mutex
	shut   bool // guarded by mu
	inside sync.WaitGroup
}

// enter returns an Unavailable fault once the door is shut; otherwise leave
// must follow.
func (d *door) enter() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut {
		return fault.Unavailablef("the metadata service is shutting down")
	}
	d.inside.Add(1)
	return nil
}

func (d *door) leave() { d.inside.Done() }

// close shuts the door and waits until nobody is inside.
func (d *door) close() {
	d.mu.Lock()
	d.shut = true
	d.mu.Unlock()
	d.inside.Wait()
}
