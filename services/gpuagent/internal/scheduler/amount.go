package scheduler

import (
	"regexp"
	"strconv"

	"github.com/dustin/go-humanize"
)

// Whole is what a whole GPU counts in quotas. Halves, thirds and so on up to sixteenths, and
// 32nds, 64ths and 128ths, are whole numbers of it, and so are sevenths: sums of such parts
// are exact. Of other parts as many fit into a quota as should, because what is lost is less
// than a part for any quota of fewer than 350 GPUs.
const Whole = 1 << 7 * 3 * 3 * 5 * 7 * 11 * 13

// SharePart is what one of n shares in the time of a GPU counts.
func SharePart(n int) int { return Whole / max(1, n) }

// computeSlices is how many slices of computing a MIG device has: "3g.40gb", "1c.3g.40gb".
var computeSlices = regexp.MustCompile(`^(?:([1-7])c\.)?([1-7])g\.`)

// MIGPart is what a MIG device of a profile counts: as many sevenths as it has slices of
// computing.
func MIGPart(profile string) int {
	const all = 7
	match := computeSlices.FindStringSubmatch(profile)
	if match == nil {
		return Whole
	}
	of := match[1]
	if of == "" {
		of = match[2]
	}
	n, err := strconv.Atoi(of)
	if err != nil {
		return Whole
	}
	return Whole / all * n
}

// part is what a GPU counts.
func (g GPU) part() int {
	if g.Part > 0 {
		return g.Part
	}
	return Whole
}

// cost is what GPUs of a machine count together.
func (m *machine) cost(indexes []int32) int {
	n := 0
	for _, index := range indexes {
		n += m.GPUs[m.position(index)].part()
	}
	return n
}

// costOf is what slots count together.
func costOf(slots []slot) int {
	n := 0
	for i := range slots {
		n += slots[i].cost
	}
	return n
}

// weigh enters of all who hold slots of a machine, or to whom some are promised, what those
// count by now: jobs are restored before it is known what their nodes have.
func (s *Scheduler) weigh(m *machine) {
	again := func(slots []slot) int {
		more := 0
		for i := range slots {
			if at := &slots[i]; at.m == m {
				cost := m.cost(at.GPUs)
				more, at.cost = more+cost-at.cost, cost
			}
		}
		return more
	}
	for j := range m.tenants {
		j.queue.charge(again(j.slots), 0)
		if j.claim != nil {
			more := again(j.claim.slots)
			j.claim.gpus += more
			j.queue.charge(0, more)
		}
	}
}

// heaviest is what a GPU that suits the view counts at most: what is asked for must be
// within a quota whichever it is that is given.
func (v *view) heaviest() int {
	most := 0
	for part, machines := range v.parts {
		if machines > 0 {
			most = max(most, part)
		}
	}
	if most > 0 {
		return most
	}
	return MIGPart(partOf(v.need.GPUModel)) // there is none
}

// number is how many GPUs an amount of Whole is, for people.
func number(amount int) string {
	const decimals = 2
	return humanize.FtoaWithDigits(float64(amount)/Whole, decimals)
}

// gpus is such an amount with its noun: "1 GPU", "1.5 GPUs".
func gpus(amount int) string {
	if amount == Whole {
		return "1 GPU"
	}
	return number(amount) + " GPUs"
}
