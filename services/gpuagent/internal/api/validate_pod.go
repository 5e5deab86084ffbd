package api

import (
	"fmt"
	"regexp"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// label is what names of containers are: they are parts of names of files and of containers of engines.
var label = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// pod checks what runs around a replica's command.
func (v *violations) pod(at string, t *gpuagentv1.Template) {
	names := map[string]bool{}
	for _, list := range []struct {
		name string
		all  []*gpuagentv1.Companion
	}{{"init_containers", t.GetInitContainers()}, {"companions", t.GetCompanions()}} {
		for i, c := range list.all {
			where := fmt.Sprintf("%s.%s[%d]", at, list.name, i)
			if names[c.GetName()] {
				v.add(where+".name", "%q names an earlier container too", c.GetName())
			}
			names[c.GetName()] = true
			if !label.MatchString(c.GetName()) {
				v.add(where+".name", "%q: want at most 63 lower-case letters, digits and -, a letter or digit first and last", c.GetName())
			}
			v.companion(where, c)
		}
	}
	v.probe(at+".startup_probe", t.GetStartupProbe())
	v.probe(at+".liveness_probe", t.GetLivenessProbe())
	v.envFrom(at, t.GetEnvFrom())
	groups := map[string]bool{}
	for i, p := range t.GetPeerNames() {
		if groups[p.GetGroup()] {
			v.add(fmt.Sprintf("%s.peer_names[%d].group", at, i), "%q is there twice", p.GetGroup())
		}
		groups[p.GetGroup()] = true
		v.hostnames(fmt.Sprintf("%s.peer_names[%d].names", at, i), p.GetNames())
	}
	for i, h := range t.GetHostAliases() {
		v.hostnames(fmt.Sprintf("%s.host_aliases[%d].hostnames", at, i), h.GetHostnames())
	}
}

func (v *violations) companion(at string, c *gpuagentv1.Companion) {
	if c.GetImage() == "" && len(c.GetCommand())+len(c.GetArgs()) == 0 {
		v.add(at+".command", "is empty, and so is the image: want one of them")
	}
	if c.GetRestartPolicy() == gpuagentv1.RestartPolicy_RESTART_POLICY_EXIT_CODE {
		v.add(at+".restart_policy", "is EXIT_CODE: want NEVER, ON_FAILURE or ALWAYS")
	}
	v.env(at, &gpuagentv1.Template{Env: c.GetEnv()})
	v.envFrom(at, c.GetEnvFrom())
	v.probe(at+".startup_probe", c.GetStartupProbe())
	v.probe(at+".liveness_probe", c.GetLivenessProbe())
	for i, s := range append(append([]string{}, c.GetCommand()...), c.GetArgs()...) {
		if strings.ContainsRune(s, 0) {
			v.add(at+".command", "argument %d holds a NUL byte, which no process can be given", i)
		}
	}
}

func (v *violations) probe(at string, p *gpuagentv1.Probe) {
	if p != nil && p.GetHandler().GetAction() == nil {
		v.add(at+".handler", "says nothing to do")
	}
}

func (v *violations) envFrom(at string, all []*gpuagentv1.EnvFrom) {
	for i, from := range all {
		if from.GetSource() == nil {
			v.add(fmt.Sprintf("%s.env_from[%d]", at, i), "has no source: want a secret or a config_map")
		}
		if strings.ContainsAny(from.GetPrefix(), "=\x00") {
			v.add(fmt.Sprintf("%s.env_from[%d].prefix", at, i), "cannot be the beginning of a variable's name")
		}
	}
}

// hostnames have no white space, which would make another line of a file of them.
func (v *violations) hostnames(at string, names []string) {
	for _, name := range names {
		if name == "" || strings.ContainsAny(name, " \t\r\n#\x00") {
			v.add(at, "%q is no name of a host", name)
		}
	}
}

// eachText calls check with every text of a template's companions and aliases that may
// hold references.
func eachText(at string, t *gpuagentv1.Template, check func(field, text string)) {
	for _, all := range [][]*gpuagentv1.Companion{t.GetInitContainers(), t.GetCompanions()} {
		for _, c := range all {
			where := fmt.Sprintf("%s.container %s", at, c.GetName())
			for _, text := range append(append([]string{}, c.GetCommand()...), c.GetArgs()...) {
				check(where+".command", text)
			}
			for _, e := range c.GetEnv() {
				check(where+".env["+e.GetName()+"]", e.GetValue())
			}
		}
	}
	for _, alias := range t.GetHostAliases() {
		check(at+".host_aliases", alias.GetIp())
	}
}
