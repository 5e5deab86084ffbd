package detect

import (
	"os"
	"strconv"
	"strings"
)

// cgroupLimit is the memory limit of the agent's control group, if it has one.
func cgroupLimit() (int64, bool) {
	for _, path := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		limit, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
		return limit, err == nil // "max" is no number: no limit
	}
	return 0, false
}
