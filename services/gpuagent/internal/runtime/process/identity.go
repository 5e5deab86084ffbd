package process

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/enter"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// identity is who a command runs as; nil where that is the agent's own.
type identity struct{ user, group *int }

// identify returns who the command is to run as. Only root can make it someone
// else: a user who is not says so in a warning.
func (s *starter) identify() (identity, error) {
	want := s.order.Template.GetSecurityContext()
	if want == nil {
		return identity{}, nil
	}
	self := os.Geteuid()
	wanted := self
	if want.RunAsUser != nil {
		wanted = int(want.GetRunAsUser())
	}
	if self != 0 {
		if wanted != self || want.RunAsGroup != nil && int(want.GetRunAsGroup()) != os.Getegid() {
			s.order.Tell.Warn(fmt.Sprintf("it runs as user %d and not as %s: only an agent that runs as root can change that", self, asked(want)))
		}
		wanted = self
	}
	if want.GetRunAsNonRoot() && wanted == 0 {
		return identity{}, &runtime.Failure{Reason: "CreateContainerConfigError", Err: fault.Preconditionf(
			"it is not to run as root, and would: set run_as_user to another user than 0")}
	}
	if self != 0 {
		return identity{}, nil
	}
	return identityOf(want), nil
}

func asked(want *gpuagentv1.SecurityContext) string {
	var parts []string
	if want.RunAsUser != nil {
		parts = append(parts, fmt.Sprintf("user %d", want.GetRunAsUser()))
	}
	if want.RunAsGroup != nil {
		parts = append(parts, fmt.Sprintf("group %d", want.GetRunAsGroup()))
	}
	return strings.Join(parts, " and ")
}

// identityOf is the wanted user with the wanted group, or else that of the user on
// this host, or else one of the same number.
func identityOf(want *gpuagentv1.SecurityContext) identity {
	var who identity
	if want.RunAsUser != nil && want.GetRunAsUser() != 0 {
		id := int(want.GetRunAsUser())
		who = identity{user: &id, group: &id}
		if account, err := user.LookupId(strconv.Itoa(id)); err == nil {
			if group, err := strconv.Atoi(account.Gid); err == nil {
				who.group = &group
			}
		}
	}
	if want.RunAsGroup != nil {
		id := int(want.GetRunAsGroup())
		who.group = &id
	}
	return who
}

// ids are those that chown takes: -1 leaves what is there.
func (who identity) ids() (uid, gid int) {
	uid, gid = -1, -1
	if who.user != nil {
		uid = *who.user
	}
	if who.group != nil {
		gid = *who.group
	}
	return uid, gid
}

// handOver gives a replica's own files to whom it runs as.
func (s *starter) handOver(who identity) error {
	if who == (identity{}) {
		return nil
	}
	own := []string{s.order.TempDir, filepath.Join(s.at.Dir, "site")}
	if err := os.MkdirAll(own[1], 0o755); err != nil {
		return err
	}
	if strings.HasPrefix(s.order.WorkDir, s.at.Dir+"/") {
		own = append(own, s.order.WorkDir)
	}
	for _, m := range s.order.Mounts {
		if m.Own {
			own = append(own, m.Source)
		}
	}
	for _, dir := range s.order.Template.GetStaging().GetDirectories() {
		if filepath.IsAbs(dir) {
			own = append(own, dir)
		}
	}
	for _, path := range own {
		if err := give(path, who); err != nil {
			return fmt.Errorf("its files cannot be given to it: %w", err)
		}
	}
	return nil
}

// give changes the owner of a tree, of links and not of what they lead to.
func give(tree string, who identity) error {
	uid, gid := who.ids()
	return filepath.WalkDir(tree, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, gid)
	})
}

// passages are the directories that keep someone from paths they need, with what is
// needed of each. The data directory of an agent is one: it is closed to others.
func (who identity) passages(paths []string) []enter.Passage {
	if who.user == nil {
		return nil
	}
	needed := map[string][]string{}
	for _, path := range paths {
		for dir, name := filepath.Split(filepath.Clean(path)); name != ""; dir, name = filepath.Split(dir) {
			dir = filepath.Clean(dir)
			info, err := os.Stat(dir)
			if err == nil && !who.mayPass(info) && !slices.Contains(needed[dir], name) {
				needed[dir] = append(needed[dir], name)
			}
		}
	}
	var passages []enter.Passage
	for _, dir := range slices.Sorted(maps.Keys(needed)) { // those above before those below
		passages = append(passages, enter.Passage{Dir: dir, Names: needed[dir]})
	}
	return passages
}

func (who identity) mayPass(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	uid, gid := who.ids()
	switch {
	case !ok || uid <= 0:
		return true
	case int(stat.Uid) == uid:
		return info.Mode()&0o100 != 0
	case int(stat.Gid) == gid:
		return info.Mode()&0o010 != 0
	default:
		return info.Mode()&0o001 != 0
	}
}
