package container

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// Values of Options.User beside uid[:gid].
const (
	UserImage = "image" // whoever the image says
	UserAgent = "agent" // the user and group that the agent runs as
)

// identity is who the agent runs as.
type identity struct {
	uid, gid int
	rootless bool // the engine maps user 0 to the agent
}

func self(e *engine) identity {
	return identity{uid: os.Getuid(), gid: os.Getgid(), rootless: e.facts.Load().rootless}
}

// user returns who a container runs as, as engines spell it; empty means the image's user.
func (me identity) user(t *gpuagentv1.Template, configured, ofImage string) (string, error) {
	user := me.configured(configured)
	sc := t.GetSecurityContext()
	if sc != nil && sc.RunAsUser != nil {
		user = strconv.FormatInt(sc.GetRunAsUser(), 10)
	}
	if sc != nil && sc.RunAsGroup != nil {
		name, _, _ := strings.Cut(user, ":")
		if name == "" {
			name, _, _ = strings.Cut(ofImage, ":")
		}
		if name == "" {
			name = "0"
		}
		user = name + ":" + strconv.FormatInt(sc.GetRunAsGroup(), 10)
	}
	effective := user
	if effective == "" {
		effective = ofImage
	}
	if sc.GetRunAsNonRoot() && isRoot(effective) {
		return "", &runtime.Failure{Reason: reasonConfig, Err: fault.Preconditionf(
			"it is not to run as root, and would with image %s: set run_as_user to another user than 0", t.GetImage())}
	}
	return user, nil
}

func (me identity) configured(user string) string {
	switch {
	case user == UserAgent, user == "" && me.uid != 0 && !me.rootless:
		return fmt.Sprintf("%d:%d", me.uid, me.gid)
	case user == UserImage, user == "":
		return ""
	default:
		return user
	}
}

// stranger reports whether a user can write only what anybody can: it is neither
// root nor the agent.
func (me identity) stranger(user string) bool {
	name, _, _ := strings.Cut(user, ":")
	return !isRoot(user) && (me.rootless || name != strconv.Itoa(me.uid))
}

func isRoot(user string) bool {
	name, _, _ := strings.Cut(user, ":")
	return name == "" || name == "0" || name == "root"
}

// ValidUser reports whether a configuration may name a user so.
func ValidUser(user string) bool {
	if user == "" || user == UserImage || user == UserAgent {
		return true
	}
	uid, gid, grouped := strings.Cut(user, ":")
	_, uidErr := strconv.ParseUint(uid, 10, 32)
	_, gidErr := strconv.ParseUint(gid, 10, 32)
	return uidErr == nil && (!grouped || gidErr == nil)
}
