package process

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kfmesh/kfmesh/internal/cgroup"
	"github.com/kfmesh/kfmesh/internal/supervise"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// errOff is why limits are not kept that nobody wants kept.
var errOff = errors.New("limits are off on this node")

// limits finds where limits can be kept.
func (o Options) limits() cgroup.Place {
	if o.Limits != nil {
		return o.Limits()
	}
	return cgroup.Place{Lacks: map[string]error{cgroup.CPU: errOff, cgroup.Memory: errOff, cgroup.Processes: errOff}, Fence: cgroup.FencePlace{Lacks: errOff}}
}

// limitNames are what people call the controllers.
var limitNames = map[string]string{cgroup.CPU: "CPU", cgroup.Memory: "memory", cgroup.Processes: "processes"}

// Limits implements runtime.Limiter.
func (r *Runtime) Limits() (enforced []string, message string) {
	place := r.place()
	for _, controller := range place.Enforces() {
		enforced = append(enforced, limitNames[controller])
	}
	if len(enforced) > 0 {
		message = place.String()
	}
	return enforced, strings.Join(nonEmpty(message, unkept(place.Lacks)), "; ")
}

// unkept says of each limit that is not kept why, the same reason once.
func unkept(lacks map[string]error) string {
	byReason := map[string][]string{}
	for _, controller := range slices.Sorted(maps.Keys(lacks)) {
		why := lacks[controller].Error()
		byReason[why] = append(byReason[why], limitNames[controller])
	}
	var said []string
	for _, why := range slices.Sorted(maps.Keys(byReason)) {
		said = append(said, fmt.Sprintf("limits of %s are not enforced: %s", strings.Join(byReason[why], ", "), why))
	}
	return strings.Join(said, "; ")
}

func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(text string) bool { return text == "" })
}

// limit notes what the replica may use, and warns of what is not kept to.
func (s *starter) limit() {
	r := s.order.Template.GetResources()
	s.limits = cgroup.Limits{CPUMilli: r.GetCpuLimitMilli(), MemoryBytes: r.GetMemoryLimitBytes(), Processes: s.runtime.Processes}
	if s.limits == (cgroup.Limits{}) {
		return
	}
	if _, lacks := s.runtime.place().Group("", s.limits); len(lacks) > 0 {
		s.order.Tell.Warn(unkept(lacks))
	}
}

// group is the control group of an attempt; nil when nothing of it is limited. Its name is
// that of the replica's directory, which no other has.
func (s *starter) group(n int) *cgroup.Group {
	if s.limits == (cgroup.Limits{}) && len(s.deny) == 0 {
		return nil
	}
	g, _ := s.runtime.place().Group(filepath.Base(s.at.Dir)+"."+strconv.Itoa(n), s.limits, s.deny...)
	return g
}

// outOfMemory explains the end of a command that used up its memory.
func outOfMemory(exit runtime.Exit, m *supervise.Memory) runtime.Exit {
	exit.Cause, exit.Reason = runtime.Failed, runtime.ReasonOutOfMemory
	exit.Message = "killed because it used more memory than its limit"
	if m != nil {
		exit.Message = fmt.Sprintf("killed because it used more memory than its limit of %s", mebibytes(m.LimitBytes))
		if m.PeakBytes > 0 {
			exit.Message += fmt.Sprintf(" (peak %s)", mebibytes(m.PeakBytes))
		}
	}
	return exit
}

// mebibytes is an amount of memory for people.
func mebibytes(bytes int64) string {
	const mebibyte = 1 << 20
	return strings.TrimSuffix(strconv.FormatFloat(float64(bytes)/mebibyte, 'f', 1, 64), ".0") + " MiB"
}
