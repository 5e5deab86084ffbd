package agent

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// An agent is to cost its node little. Most of what it has in memory after its start
// are pages of its program that only the start has touched: every package that is
// linked prepares itself. They are given back once the agent is at rest, and read
// again from the page cache when they are needed after all.

// shedAfter is how long after its start an agent is at rest.
const shedAfter = 5 * time.Second

// shed gives back what only the start has needed, once it is over.
func shed(ctx context.Context) {
	select {
	case <-time.After(shedAfter):
	case <-ctx.Done():
		return
	}
	debug.FreeOSMemory()
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return // then it costs more, and nothing else
	}
	own, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for _, m := range clean(string(maps), own) {
		// MADV_DONTNEED drops pages of a file that was never written to; the addresses are
		// those of the kernel's own list.
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED)
	}
}

// mapping is a range of addresses.
type mapping struct{ from, to uintptr }

// clean are the mappings of a file in the text of /proc/self/smaps that cannot be
// written and never were: whose pages are those of the file.
func clean(smaps, file string) []mapping {
	var found []mapping
	var m mapping
	candidate := false
	for line := range strings.Lines(smaps) {
		fields := strings.Fields(line)
		switch {
		case len(fields) >= 5 && strings.Contains(fields[0], "-") && !strings.HasSuffix(fields[0], ":"):
			_, err := fmt.Sscanf(fields[0], "%x-%x", &m.from, &m.to)
			candidate = err == nil && len(fields) == 6 && fields[5] == file && len(fields[1]) == 4 && fields[1][1] == '-'
		case len(fields) == 3 && fields[0] == "Anonymous:" && candidate:
			if dirty, err := strconv.Atoi(fields[1]); err == nil && dirty == 0 {
				found = append(found, m)
			}
			candidate = false
		}
	}
	return found
}
