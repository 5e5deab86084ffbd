// Package fence keeps devices from commands, such as the GPUs of others, by their
// control groups (package cgroup).
//
// With version 1 the kernel's controller of devices does it, as files say. With version 2
// a program does (BPF_PROG_TYPE_CGROUP_DEVICE, kernel/bpf/cgroup.c): the kernel runs it
// whenever a process of the group opens or makes a device, and refuses with EPERM where
// it says 0. It is attached beside those of the groups above, of which any may refuse. It
// lives as long as the group: who attached it may end.
//
// Supervisors do not link this package, so it is the agent that raises a fence, before it
// has the supervisor make the rest of the group.
package fence

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/kfmesh/kfmesh/internal/cgroup"
)

// Raise makes a group that has a fence of version 2, with it; any other's Make will do.
// When it cannot, nothing of it is left.
func Raise(g *cgroup.Group) error {
	if g == nil || g.Fence == nil || !g.Fence.Unified {
		return nil
	}
	if err := g.Make(); err != nil {
		return err
	}
	if err := attach(g.Fence); err != nil {
		return errors.Join(fmt.Errorf("keep devices from control group %s: %w", g.Fence.Dir, err), g.Remove())
	}
	return nil
}

// Try reports why some devices cannot be kept from groups that are made in a place; nil
// when they can. It makes a group and removes it.
func Try(p cgroup.Place, deny []cgroup.Device) error {
	if p.Fence.Dir == "" {
		return p.Fence.Lacks
	}
	g, _ := p.Group("try-"+strconv.Itoa(os.Getpid()), cgroup.Limits{}, deny...)
	err := Raise(g)
	if err == nil {
		err = g.Make()
	}
	if err != nil {
		return explained(p.Fence, err)
	}
	return g.Remove()
}

// explained says who may, where the user of this agent may not.
func explained(p cgroup.FencePlace, err error) error {
	switch {
	case !errors.Is(err, unix.EPERM):
		return err
	case p.Unified:
		return fmt.Errorf("user %d may not load programs for control groups, which takes the capabilities BPF and NET_ADMIN, as root has: %w", os.Geteuid(), err)
	default:
		return fmt.Errorf("user %d may not say which devices control groups have, which takes the capability SYS_ADMIN, as root has: %w", os.Geteuid(), err)
	}
}

// attach has the group of version 2 do without the devices.
func attach(f *cgroup.Fence) error {
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "kfmesh_fence", Type: ebpf.CGroupDevice, License: "Apache-2.0", Instructions: instructions(f.Deny),
	})
	if err != nil {
		return err
	}
	defer func() { _ = program.Close() }()
	dir, err := os.Open(f.Dir)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	return link.RawAttachProgram(link.RawAttachProgramOptions{
		Target: int(dir.Fd()), Program: program, Attach: ebpf.AttachCGroupDevice, Flags: unix.BPF_F_ALLOW_MULTI,
	})
}

// Where struct bpf_cgroup_dev_ctx (linux/bpf.h) has what is asked for, and which half of the
// first word is the kind of device.
const (
	offsetKind  = 0
	offsetMajor = 4
	offsetMinor = 8
	kindMask    = 1<<16 - 1
)

// instructions answer 0 for the devices, and 1 for all others.
func instructions(deny []cgroup.Device) asm.Instructions {
	const kind, major, minor = asm.R2, asm.R3, asm.R4
	all := asm.Instructions{
		asm.LoadMem(kind, asm.R1, offsetKind, asm.Word),
		asm.And.Imm(kind, kindMask),
		asm.LoadMem(major, asm.R1, offsetMajor, asm.Word),
		asm.LoadMem(minor, asm.R1, offsetMinor, asm.Word),
		asm.Mov.Imm(asm.R0, 1),
		asm.JNE.Imm(kind, unix.BPF_DEVCG_DEV_CHAR, "answer"),
		asm.Mov.Imm(asm.R0, 0),
	}
	for i, d := range deny {
		next := "device" + strconv.Itoa(i+1)
		all = append(all,
			asm.JNE.Imm(major, int32(d.Major), next).WithSymbol("device"+strconv.Itoa(i)),
			asm.JEq.Imm(minor, int32(d.Minor), "answer"),
		)
	}
	return append(all,
		asm.Mov.Imm(asm.R0, 1).WithSymbol("device"+strconv.Itoa(len(deny))),
		asm.Return().WithSymbol("answer"),
	)
}
