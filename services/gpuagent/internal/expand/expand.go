// Package expand fills in the references of a workload's templates:
//
//	${replica.GROUP.INDEX.host}        address of any replica
//	${replica.GROUP.INDEX.port.NAME}   a port of any replica
//	${self.index}                      the replica's own index
//	${self.index+N}                    N more than that
//	${self.first}                      true for the first of its group, false for the others
//	${self.host}                       the replica's own address
//	${self.port.NAME}                  a port of its own
//	${workdir}                         the replica's working directory
//	${keep}                            the directory that the workload keeps
//	${objects}                         the directory in which it sees objects
//	$${                                a literal ${
//
// Anything else in ${...} is left as it is: it is the shell's. The package is pure.
package expand

import (
	"strconv"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Objects is the reference to the directory in which a replica sees objects.
const Objects = "${objects}"

// Address is where a replica can be reached.
type Address struct {
	Host    string
	Machine string // what the machine calls itself; empty if it does not matter
	Ports   map[string]int32
}

// Scope is what references may refer to.
type Scope struct {
	Index    int
	Group    string // the replica's own
	WorkDir  string
	Keep     string // empty when the workload keeps none
	Objects  string
	Replicas map[string][]Address // by group, then index
}

// String expands one string. The error says which reference is wrong and why.
func String(text string, scope Scope) (string, error) {
	if !strings.Contains(text, "${") {
		return text, nil
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			out.WriteString(text)
			return out.String(), nil
		}
		if literal, ok := strings.CutSuffix(before, "$"); ok {
			out.WriteString(literal + "${")
			text = rest
			continue
		}
		out.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			out.WriteString("${" + rest)
			return out.String(), nil
		}
		value, err := resolve(name, scope)
		if err != nil {
			return "", err
		}
		out.WriteString(value)
		text = after
	}
}

// Strings expands each string.
func Strings(texts []string, scope Scope) ([]string, error) {
	expanded := make([]string, len(texts))
	for i, text := range texts {
		var err error
		if expanded[i], err = String(text, scope); err != nil {
			return nil, err
		}
	}
	return expanded, nil
}

func resolve(name string, scope Scope) (string, error) {
	switch {
	case name == "workdir":
		return scope.WorkDir, nil
	case name == "objects":
		return scope.Objects, nil
	case name == "keep":
		if scope.Keep == "" {
			return "", fault.Invalidf("", "${keep}: the workload keeps no directory; spec.keep would name one")
		}
		return scope.Keep, nil
	case strings.HasPrefix(name, "self."):
		return resolveSelf(name, scope)
	case strings.HasPrefix(name, "replica."):
		return resolveReplica(name, scope)
	default:
		return "${" + name + "}", nil
	}
}

// resolveSelf resolves what a replica says of itself.
func resolveSelf(name string, scope Scope) (string, error) {
	what := strings.TrimPrefix(name, "self.")
	if what == "first" {
		return strconv.FormatBool(scope.Index == 0), nil
	}
	if what == "host" || strings.HasPrefix(what, "port.") {
		return resolveReplica("replica."+scope.Group+"."+strconv.Itoa(scope.Index)+"."+what, scope)
	}
	index, offset, shifted := strings.Cut(what, "+")
	n, err := 0, error(nil)
	if shifted {
		n, err = strconv.Atoi(offset)
	}
	if index != "index" || err != nil || n < 0 {
		return "", fault.Invalidf("", "${%s}: want ${self.index}, ${self.index+N}, ${self.first}, ${self.host} or ${self.port.NAME}", name)
	}
	return strconv.Itoa(scope.Index + n), nil
}

func resolveReplica(name string, scope Scope) (string, error) {
	parts := strings.Split(name, ".")
	if len(parts) < 4 {
		return "", fault.Invalidf("", "${%s}: want ${replica.GROUP.INDEX.host} or ${replica.GROUP.INDEX.port.NAME}", name)
	}
	group, ok := scope.Replicas[parts[1]]
	if !ok {
		return "", fault.Invalidf("", "${%s}: there is no replica group %q", name, parts[1])
	}
	index, err := strconv.Atoi(parts[2])
	if err != nil || index < 0 || index >= len(group) {
		return "", fault.Invalidf("", "${%s}: group %q has replicas 0 to %d, not %q", name, parts[1], len(group)-1, parts[2])
	}
	switch what := parts[3:]; {
	case len(what) == 1 && what[0] == "host":
		return group[index].Host, nil
	case len(what) == 2 && what[0] == "port":
		port, ok := group[index].Ports[what[1]]
		if !ok {
			return "", fault.Invalidf("", "${%s}: group %q has no port %q", name, parts[1], what[1])
		}
		return strconv.Itoa(int(port)), nil
	default:
		return "", fault.Invalidf("", "${%s}: want host or port.NAME after the index", name)
	}
}

// References tells of every replica that a text refers to by group and index.
func References(text string, tell func(group string, index int)) {
	for {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			return
		}
		text = rest
		name, after, closed := strings.Cut(rest, "}")
		if strings.HasSuffix(before, "$") || !closed {
			continue
		}
		text = after
		parts := strings.Split(name, ".")
		if len(parts) < 4 || parts[0] != "replica" {
			continue
		}
		if index, err := strconv.Atoi(parts[2]); err == nil && index >= 0 {
			tell(parts[1], index)
		}
	}
}
