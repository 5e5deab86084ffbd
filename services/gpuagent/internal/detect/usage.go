package detect

import (
	"bufio"
	"bytes"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Load is how busy the processors were between two looks. The zero value has not
// looked yet.
type Load struct{ busy, all int64 }

// used is how many thousandths of a core were busy since the last look; 0 at the first.
func (l *Load) used() int64 {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	now, ok := parseStat(text)
	if !ok {
		return 0
	}
	before := *l
	*l = now
	if before.all == 0 || now.all <= before.all {
		return 0
	}
	return (now.busy - before.busy) * int64(runtime.NumCPU()) * 1000 / (now.all - before.all)
}

// parseStat reads the first line of /proc/stat (proc(5)), "cpu  user nice system idle
// iowait irq softirq steal ...", in clock ticks.
func parseStat(text []byte) (Load, bool) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	fields := strings.Fields(string(line))
	if len(fields) < 6 || fields[0] != "cpu" {
		return Load{}, false
	}
	const idle, iowait, steal = 4, 5, 8
	var l Load
	for i, field := range fields[1:] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil || i+1 > steal { // guests are counted in user time too
			break
		}
		l.all += ticks
		if i+1 != idle && i+1 != iowait {
			l.busy += ticks
		}
	}
	return l, l.all > 0
}

// memoryUsed is how much of the memory is not available, of so much in all.
func memoryUsed(total int64) int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	available, ok := parseAvailable(text)
	if !ok {
		return 0
	}
	return max(0, total-available)
}

// parseAvailable reads "MemAvailable:   24684092 kB" of /proc/meminfo.
func parseAvailable(text []byte) (int64, bool) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		value, ok := strings.CutPrefix(lines.Text(), "MemAvailable:")
		if !ok {
			continue
		}
		kibibytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(value, "kB")), 10, 64)
		return kibibytes << 10, err == nil
	}
	return 0, false
}
