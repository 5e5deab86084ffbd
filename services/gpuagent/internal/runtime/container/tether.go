package container

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	enginemount "github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/kfmesh/kfmesh/internal/boottime"
	"github.com/kfmesh/kfmesh/internal/supervise"
	"github.com/kfmesh/kfmesh/internal/tether"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// Where a tethered container finds what ties it (package tether).
const (
	insideProgram = "/.kfmesh/supervisor"
	insideRSH     = "/.kfmesh/rsh"
	insideLease   = "/.kfmesh/lease" // the directory
	insideEnd     = "/.kfmesh/end"
)

// deadlineSlack is how long after a deadline a tether enforces it, so that an agent that is
// there comes first and the command is told once.
const deadlineSlack = time.Second

// endPath is the file in which the tether of a container says what it did; of a companion if
// it has a name.
func endPath(journal, companion string) string {
	if companion != "" {
		return journal + ".end." + companion
	}
	return journal + ".end"
}

// tethered puts a container on a tether if its order has a lease or a deadline. Without one it
// is as it would be anywhere. What cannot be tethered runs without, and says so.
func (s *starter) tethered(spec *client.ContainerCreateOptions, m member, end string) error {
	if m.order.Lease == "" && m.order.Deadline.IsZero() || len(s.runtime.Supervisor) == 0 {
		return nil
	}
	command := m.commandLine()
	if tether.Insists(command[0]) {
		if m.order.Lease != "" {
			s.order.Tell.Warn(fmt.Sprintf("%s of its image has to be process 1, so nothing ends the container when its node loses its lease: "+
				"if the node is cut off, it may still run when it is started elsewhere", command[0]))
		}
		return nil
	}
	if err := makeEnd(end); err != nil {
		return err
	}
	plan := tether.Plan{Grace: m.order.Grace, End: insideEnd}
	mounts := []enginemount.Mount{s.program(), {Type: enginemount.TypeBind, Source: end, Target: insideEnd}}
	if m.order.Lease != "" {
		plan.Lease, plan.Term = filepath.Join(insideLease, filepath.Base(m.order.Lease)), m.order.Term
		plan.Machine = boottime.ID()
		mounts = append(mounts, enginemount.Mount{
			Type: enginemount.TypeBind, Source: filepath.Dir(m.order.Lease), Target: insideLease, ReadOnly: true,
		})
	}
	if !m.order.Deadline.IsZero() {
		plan.Deadline = m.order.Deadline.Add(deadlineSlack)
	}
	data, err := json.Marshal(plan)
	if err != nil {
		return err
	}
	config, host := *spec.Config, *spec.HostConfig
	config.Entrypoint = slices.Concat([]string{insideProgram}, s.runtime.Supervisor[1:], []string{tether.Verb, string(data)})
	config.Cmd = command
	host.Mounts = slices.Concat(host.Mounts, mounts)
	spec.Config, spec.HostConfig = &config, &host
	return nil
}

// program is the supervisor as containers see it.
func (s *starter) program() enginemount.Mount {
	program := s.runtime.Supervisor[0]
	if path, err := filepath.Abs(program); err == nil {
		program = path
	}
	return enginemount.Mount{Type: enginemount.TypeBind, Source: program, Target: insideProgram, ReadOnly: true}
}

// commandLine is what the engine would run.
func (m member) commandLine() []string {
	if len(m.order.Command) > 0 {
		return slices.Concat(m.order.Command, m.order.Args)
	}
	if len(m.order.Args) > 0 {
		return slices.Concat(m.image.entrypoint, m.order.Args)
	}
	return slices.Concat(m.image.entrypoint, m.image.command)
}

// makeEnd makes the file, empty, for whoever the container runs as.
func makeEnd(path string) error {
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		return err
	}
	return os.Chmod(path, 0o666) // whatever the umask is
}

// cut is how an attempt ended by its tether, and otherwise as exit says.
func cut(exit runtime.Exit, end *tether.End) runtime.Exit {
	if end == nil || exit.Code == 0 || exit.Cause == runtime.Stopped || exit.Cause == runtime.Deadline {
		return exit
	}
	switch end.Cause {
	case supervise.Fenced:
		exit.Cause, exit.Reason, exit.Message = runtime.Failed, runtime.ReasonNodeLost, runtime.MessageFenced
	case supervise.Deadline:
		exit.Cause = runtime.Deadline
	case supervise.Unstarted:
		exit.Cause, exit.Reason, exit.Message = runtime.Failed, runtime.ReasonStart, end.Message
	}
	return exit
}
