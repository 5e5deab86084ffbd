package scheduler

import (
	"fmt"
	"slices"
	"strings"
)

// kind is a kind of reason to wait.
type kind int

const (
	unasked    kind = iota // not looked at
	forQueue               // a queue that is known
	forNode                // a node that admits it
	forCluster             // more than the cluster has
	forQuota
	forGPUs
	forMemory
	forTurn
	forRoom // all of these at once
	forOthers
	behindOthers
)

// reason is why a job waits, without the numbers.
type reason struct {
	kind     kind
	hopeless bool
}

// finding is a reason, and what it was found from: as long as that is the same, so
// is the reason.
type finding struct {
	reason
	sentence string // with the numbers of then
	short    shortage
	layout   int64
}

// tell has the first job of a class wait, unless it was told so.
func (s *Scheduler) tell(j *job, short shortage) {
	c := j.class
	if j.told == c.found.reason && c.found.short == short && c.found.layout == s.layout {
		return
	}
	was, waits := c.found.hopeless, j
	if c.grows {
		waits = s.oneMore(j)
	}
	why, sentence := s.diagnose(waits, short)
	c.found = finding{reason: why, sentence: sentence, short: short, layout: s.layout}
	s.say(j, why, sentence)
	if was != why.hopeless {
		for i := range c.jobs[1:] {
			s.sayBehind(c, i+1)
		}
	}
}

// say adds a Wait, unless the job was told so.
func (s *Scheduler) say(j *job, why reason, sentence string) {
	if j.told != why {
		j.told = why
		s.decisions = append(s.decisions, Wait{UID: j.UID, Sentence: sentence, Hopeless: why.hopeless, Joins: j.placed()})
	}
}

func (s *Scheduler) sayBehind(c *class, i int) {
	s.say(c.jobs[i], reason{behindOthers, c.found.hopeless}, c.behind(i, c.found.sentence))
}

// tellOthers has those wait that are not the first of their class.
func (s *Scheduler) tellOthers() {
	for _, j := range s.fresh {
		if s.jobs[j.UID] != j || j.placed() || j.class == nil || j.told.kind != unasked {
			continue
		}
		if i, found := slices.BinarySearchFunc(j.class.jobs, j, before); found && i > 0 {
			s.sayBehind(j.class, i)
		}
	}
	s.fresh = s.fresh[:0]
	for _, c := range s.claims {
		if why := (reason{kind: forOthers}); c.job.told != why {
			s.say(c.job, why, s.awaits(c))
		}
	}
}

// Why says what a job waits for, and nothing when it does not wait.
func (s *Scheduler) Why(uid string) string {
	j := s.jobs[uid]
	switch {
	case j == nil || j.placed():
		return ""
	case j.claim != nil:
		return s.awaits(j.claim)
	}
	i, _ := slices.BinarySearchFunc(j.class.jobs, j, before)
	if i > 0 {
		return j.class.behind(i, s.sentence(j.class.jobs[0]))
	}
	return s.sentence(j)
}

// sentence says what the first job of a class waits for.
func (s *Scheduler) sentence(j *job) string {
	f, short := s.fit(j)
	if short == enough {
		for i := range f {
			f[i].m.drop(j, &f[i])
			j.queue.charge(-f[i].cost, 0)
		}
		if s.admissible(j) {
			return "is about to be placed"
		}
	}
	_, sentence := s.diagnose(j, short)
	return sentence
}

// behind says what the i-th job of a class waits for, given what the first does.
func (c *class) behind(i int, first string) string {
	rank := ""
	if c.jobs[i-1].Priority > c.jobs[i].Priority {
		rank = " of higher priority"
	}
	ask := "ask"
	if i == 1 {
		ask = "asks"
	}
	return fmt.Sprintf("waits behind %s%s that %s for the same; the first of them %s", count(i, "job"), rank, ask, first)
}

// awaits says what a job waits for to which something is promised.
func (s *Scheduler) awaits(c *claim) string {
	if len(c.slots) == 0 {
		return s.quotaSentence(c.job) + "; the next ones are kept for it"
	}
	var nodes []string
	for i := range c.slots {
		if !slices.Contains(nodes, c.slots[i].Node) {
			nodes = append(nodes, c.slots[i].Node)
		}
	}
	what, several := "room", 1
	if c.gpus > 0 {
		what = gpus(c.gpus)
		if c.gpus != Whole {
			several = 2
		}
	}
	return fmt.Sprintf("waits for %s to end: %s of %s kept for it", count(len(c.behind), "job"), what, listed(nodes)+are(several))
}

// shownNodes is how many nodes a sentence names.
const shownNodes = 3

// listed names nodes, the first few of many.
func listed(nodes []string) string {
	if len(nodes) == 1 {
		return "node " + nodes[0]
	}
	if len(nodes) > shownNodes {
		return fmt.Sprintf("%d nodes (%s, ...)", len(nodes), strings.Join(nodes[:shownNodes], ", "))
	}
	return "nodes " + strings.Join(nodes, ", ")
}

func are(n int) string {
	if n > 1 {
		return " are"
	}
	return " is"
}

// count is a number of things, such as "1 job" and "2 jobs".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
