package scheduler

import (
	"iter"
	"math/bits"
)

// numbers is a set of small numbers, which it lists in order.
type numbers []uint64

const wordBits = 64

func (n *numbers) add(i int) {
	for i/wordBits >= len(*n) {
		*n = append(*n, 0)
	}
	(*n)[i/wordBits] |= 1 << (i % wordBits)
}

func (n numbers) remove(i int) { n[i/wordBits] &^= 1 << (i % wordBits) }

func (n numbers) has(i int) bool {
	return i/wordBits < len(n) && n[i/wordBits]&(1<<(i%wordBits)) != 0
}

func (n numbers) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for at, word := range n {
			for ; word != 0; word &= word - 1 {
				if !yield(at*wordBits + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}
