package scheduler

import (
	"maps"
	"slices"
	"strconv"
)

// shape is what a job asks for, apart from where it waits and since when. Jobs of
// one shape fit or do not fit alike.
type shape struct {
	key      string
	views    []*view // by group
	replicas int
	gpus     int   // of all replicas
	runs     []run // all replicas, by group
	verdict  verdict
	homes    []*machine // as Scheduler.homes returns them
	homesAt  int64      // for which layout
}

// run is replicas of one group that follow one another.
type run struct {
	group, first, count int
	need                *Need
	view                *view
}

// keptShapes is how many shapes and views may be remembered that no job has.
const keptShapes = 1024

// shapeOf finds what a job asks for.
func (s *Scheduler) shapeOf(j *Job) *shape {
	key := s.scratch[:0]
	key = strconv.AppendBool(strconv.AppendInt(key, int64(j.GangMin), 10), j.Together)
	for i := range j.Groups {
		key = append(strconv.AppendInt(append(key, ';'), int64(j.Groups[i].count()), 10), 'x')
		key = appendNeed(key, &j.Groups[i].Need)
	}
	s.scratch = key
	if known := s.shapes[string(key)]; known != nil {
		return known
	}
	if len(s.shapes) > 2*len(s.jobs)+keptShapes {
		s.forgetShapes()
	}
	sh := &shape{key: string(key)}
	for i := range j.Groups {
		g := &j.Groups[i]
		v := s.viewOf(&g.Need)
		sh.views = append(sh.views, v)
		sh.runs = append(sh.runs, run{group: i, count: g.count(), need: &g.Need, view: v})
		sh.replicas += g.count()
		sh.gpus += g.count() * int(g.Need.GPUs)
	}
	s.shapes[sh.key] = sh
	return sh
}

// viewOf finds the machines that admit a need.
func (s *Scheduler) viewOf(need *Need) *view {
	key := string(appendConstraints(nil, need))
	if known := s.views[key]; known != nil {
		return known
	}
	v := &view{need: *need, parts: map[int]int{}}
	for _, m := range s.machines {
		if m != nil {
			v.enter(m)
		}
	}
	s.views[key] = v
	return v
}

// forgetShapes forgets shapes and views that no job has.
func (s *Scheduler) forgetShapes() {
	used, seen := map[*shape]bool{}, map[*view]bool{}
	for _, j := range s.jobs {
		used[j.shape] = true
		for _, v := range j.shape.views {
			seen[v] = true
		}
	}
	maps.DeleteFunc(s.shapes, func(_ string, sh *shape) bool { return !used[sh] })
	maps.DeleteFunc(s.views, func(_ string, v *view) bool { return !seen[v] })
	for _, m := range s.machines {
		if m != nil {
			m.entries = slices.DeleteFunc(m.entries, func(e *entry) bool { return !seen[e.view] })
		}
	}
}

func appendNeed(key []byte, need *Need) []byte {
	for _, amount := range []int64{int64(need.GPUs), need.CPUMilli, need.MemoryBytes} {
		key = append(strconv.AppendInt(key, amount, 10), ',')
	}
	return appendConstraints(key, need)
}

// appendConstraints spells what of a need says which machines admit it. Texts are
// quoted, so that no two needs are spelled alike.
func appendConstraints(key []byte, need *Need) []byte {
	key = strconv.AppendBool(strconv.AppendQuote(key, need.GPUModel), need.GPUs > 1)
	for _, label := range slices.Sorted(maps.Keys(need.Selector)) {
		key = strconv.AppendQuote(append(key, '&'), label)
		key = strconv.AppendQuote(append(key, '='), need.Selector[label])
	}
	for _, t := range need.Tolerations {
		key = strconv.AppendQuote(append(key, '~'), t.Key)
		key = strconv.AppendBool(strconv.AppendQuote(append(key, '='), t.Value), t.Exists)
	}
	return key
}
