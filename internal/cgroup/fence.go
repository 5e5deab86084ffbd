package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// devices is the controller that keeps devices from groups of version 1. Version 2 has
// none: there, programs do that are attached to groups (package fence).
const devices = "devices"

// Device is a character device by its numbers, as stat(2) tells them of its node.
type Device struct{ Major, Minor uint32 }

// String writes the numbers as the kernel does.
func (d Device) String() string {
	return strconv.FormatUint(uint64(d.Major), 10) + ":" + strconv.FormatUint(uint64(d.Minor), 10)
}

// FencePlace is where devices can be kept from groups.
type FencePlace struct {
	// Dir is the directory to make groups in; empty where there is none.
	Dir string
	// Unified tells that it is of version 2, which it may be beside limits of version 1.
	Unified bool
	// Lacks says why there is none.
	Lacks error
}

// String names the version and the directory.
func (p FencePlace) String() string {
	if p.Unified {
		return "control groups of version 2 in " + p.Dir
	}
	return "control groups of version 1 in " + p.Dir
}

// Fence keeps devices from a group. Nobody in it opens them, by whatever node, root
// included; what is open already stays so.
type Fence struct {
	// Dir is the directory of the group.
	Dir string
	// Unified tells that it is of version 2. Then Make does not see to the devices.
	Unified bool `json:",omitempty"`
	// Deny are the devices.
	Deny []Device
}

// fence looks where devices can be kept from groups: by the controller of version 1 where
// that is mounted, and else by version 2.
func (f finder) fence(all []hierarchy, groups map[string]string) FencePlace {
	_, mounted := of(all, devices)
	dir, err := f.legacyDir(all, groups, devices)
	if err == nil {
		return FencePlace{Dir: dir}
	}
	unified, err2 := f.unifiedDir(all, groups[""])
	if err2 == nil {
		return FencePlace{Dir: unified, Unified: true}
	}
	if mounted {
		return FencePlace{Lacks: err}
	}
	return FencePlace{Lacks: err2}
}

// settings are what has a group of version 1 do without the devices.
func (f *Fence) settings() []setting {
	var all []setting
	for _, d := range f.Deny {
		all = append(all, setting{path: filepath.Join(f.Dir, "devices.deny"), value: "c " + d.String() + " rwm"})
	}
	return all
}

// check makes sure that the group of version 1 has to do without the devices: of a list
// of what is allowed the kernel strikes out what is on it in so many words, and nothing
// that a larger entry allows. It says so to nobody.
func (f *Fence) check() error {
	path := filepath.Join(f.Dir, "devices.list")
	list, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for _, d := range f.Deny {
		if entry := allowing(string(list), d); entry != "" {
			return fmt.Errorf("the device %s cannot be kept from it: %s allows %q, of which nothing can be taken away", d, path, entry)
		}
	}
	return nil
}

// allowing is the entry of a devices.list that allows a character device: "c 195:* rwm".
// A group that may use everything but some devices has "a *:* rwm" alone, which allows
// nothing that was denied.
func allowing(list string, d Device) string {
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "c" {
			continue
		}
		major, minor, _ := strings.Cut(fields[1], ":")
		if isOrAny(major, d.Major) && isOrAny(minor, d.Minor) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

func isOrAny(text string, n uint32) bool {
	return text == "*" || text == strconv.FormatUint(uint64(n), 10)
}
