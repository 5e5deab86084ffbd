package engine

import gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"

// takeRestart uses one of the restarts that the workload allows all its replicas
// together. It returns how many were used, and whether there was one left.
func (l *life) takeRestart(position int) (used int32, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.restarts >= l.spec.GetBackoffLimit() {
		return l.restarts, false
	}
	l.restarts++
	l.w.GetStatus().GetReplicas()[position].Restarts++
	return l.restarts, true
}

// recordRestarts enters restarts that were made before the agent was started anew.
func (l *life) recordRestarts(position int, restarts int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.restarts += restarts
	l.w.GetStatus().GetReplicas()[position].Restarts = restarts
}

func (l *life) restartsOf(position int) int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.GetStatus().GetReplicas()[position].GetRestarts()
}

// setPID has the process id of a replica filled in when the status is next told:
// the process is not there yet when its supervisor has just been started.
func (l *life) setPID(position int, pid func() int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pids == nil {
		l.pids = map[int]func() int{}
	}
	l.pids[position] = pid
}

// fillPIDs brings the process ids up to date and reports whether all that run
// have one. The life is locked.
func (l *life) fillPIDs() bool {
	complete := true
	for position, pid := range l.pids {
		status := l.w.GetStatus().GetReplicas()[position]
		if status.GetPhase() == gpuagentv1.Phase_PHASE_RUNNING {
			status.Pid = int64(pid())
			complete = complete && status.GetPid() != 0
		}
	}
	return complete
}
