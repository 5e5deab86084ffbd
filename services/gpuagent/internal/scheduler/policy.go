package scheduler

import "time"

// Policy is what is up to whoever runs the cluster.
type Policy struct {
	// Patience is how long the first job of a queue waits before room is promised to
	// it. 0 means DefaultPatience, a negative one that none ever is.
	Patience time.Duration
	// FairShare takes jobs first from the queues that use the least beyond their quotas,
	// measured by what may be lent to them and by weight, and by priority only within them.
	FairShare bool
	// HalfLife is the time after which past use counts half in the fair share. 0 means
	// that only present use counts.
	HalfLife time.Duration
	// KnownQueuesOnly has jobs wait whose queue nobody has set.
	KnownQueuesOnly bool
}

// DefaultPatience is that of a Policy which gives none.
const DefaultPatience = 2 * time.Minute

func (p Policy) patience() time.Duration {
	if p.Patience == 0 {
		return DefaultPatience
	}
	return p.Patience
}
