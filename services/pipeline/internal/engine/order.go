package engine

// order is a queue of ids without duplicates: an id put again moves to the end.
type order struct {
	ids   []entry
	turns map[string]int // of the valid entry of each id
	turn  int
}

type entry struct {
	id   string
	turn int
}

func newOrder() *order { return &order{turns: map[string]int{}} }

func (o *order) len() int { return len(o.turns) }

func (o *order) put(id string) {
	o.turn++
	o.turns[id] = o.turn
	o.ids = append(o.ids, entry{id, o.turn})
}

// take removes and returns the first n ids, or fewer if there are fewer.
func (o *order) take(n int) []string {
	var taken []string
	i := 0
	for ; i < len(o.ids) && len(taken) < n; i++ {
		if e := o.ids[i]; o.turns[e.id] == e.turn {
			delete(o.turns, e.id)
			taken = append(taken, e.id)
		}
	}
	o.ids = o.ids[i:]
	if o.len() == 0 {
		o.ids = nil
	}
	return taken
}
