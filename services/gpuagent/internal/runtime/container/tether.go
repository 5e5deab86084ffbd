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
	insideLease   = "/.kfmesh/lease" // the directory
	insideEnd     = "/.kfmesh/end"
)

// deadlineSlack is how long after a deadline a tether enforces it, so that an agent that is
// there comes first and the command is told once.
const deadlineSlack = time.Second

// endPath is the file in which the tether of an attempt says what it did.
func endPath(journal string) string { return journal + ".end" }

// tethered puts a container on a tether if its order has a lease or a deadline. Without one it
// is as it would be anywhere. What cannot be tethered runs without, and says so.
func (s *starter) tethered(spec *client.ContainerCreateOptions, journal string) error {
	if s.order.Lease == "" && s.order.Deadline.IsZero() || len(s.runtime.Supervisor) == 0 {
		return nil
	}
	command := s.commandLine()
	if tether.Insists(command[0]) {
		if s.order.Lease != "" {
			s.order.Tell.Warn(fmt.Sprintf("%s of its image has to be process 1, so nothing ends the container when its node loses its lease: "+
				"if the node is cut off, it may still run when it is started elsewhere", command[0]))
		}
		return nil
	}
	program, err := filepath.Abs(s.runtime.Supervisor[0])
	if err != nil {
		return err
	}
	end := endPath(journal)
	if err := makeEnd(end); err != nil {
		return err
	}
	plan := tether.Plan{Grace: s.order.Grace, End: insideEnd}
	mounts := []enginemount.Mount{
		{Type: enginemount.TypeBind, Source: program, Target: insideProgram, ReadOnly: true},
		{Type: enginemount.TypeBind, Source: end, Target: insideEnd},
	}
	if s.order.Lease != "" {
		plan.Lease, plan.Term = filepath.Join(insideLease, filepath.Base(s.order.Lease)), s.order.Term
		plan.Machine = boottime.ID()
		mounts = append(mounts, enginemount.Mount{
			Type: enginemount.TypeBind, Source: filepath.Dir(s.order.Lease), Target: insideLease, ReadOnly: true,
		})
	}
	if !s.order.Deadline.IsZero() {
		plan.Deadline = s.order.Deadline.Add(deadlineSlack)
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

// commandLine is what the engine would run.
func (s *starter) commandLine() []string {
	if len(s.order.Command) > 0 {
		return slices.Concat(s.order.Command, s.order.Args)
	}
	if len(s.order.Args) > 0 {
		return slices.Concat(s.image.entrypoint, s.order.Args)
	}
	return slices.Concat(s.image.entrypoint, s.image.command)
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
