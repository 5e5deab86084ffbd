package pyenv

import (
	_ "embed" // the fork server is a file of its own
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

//go:embed forkserver.py
var forkServer string

// Component is what a step runs that is a Python component of the kfp SDK.
type Component struct {
	// Source is that of the component's module; nil where the arguments name a file.
	Source *string `json:",omitempty"`
	// Args are those of kfp.dsl.executor_main, without the path of a module with Source.
	Args []string
}

// What the commands of components consist of, with their blanks made one each. They are
// the same in all versions 2 of the kfp SDK.
const (
	ensurePip = `if ! [ -x "$(command -v pip)" ]; then ` +
		`python3 -m ensurepip || python3 -m ensurepip --user || apt-get install python3-pip fi `
	runNext = ` && "$0" "$@"`
	runMain = `program_path=$(mktemp -d) printf "%s" "$0" > "$program_path/ephemeral_component.py" ` +
		`_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main ` +
		`--component_module_path "$program_path/ephemeral_component.py" "$@"`
	mainModule = "kfp.dsl.executor_main"
)

// ParseComponent reports whether a step does nothing but make installs that Parse
// returns and then run a component, and which. What differs in anything else is none.
func ParseComponent(args []string) (Component, bool) {
	if len(args) > 3 && slices.Equal(args[:2], []string{"sh", "-c"}) && onlyInstalls(args[2]) {
		args = args[3:]
	}
	switch {
	case len(args) > 3 && slices.Equal(args[:2], []string{"sh", "-ec"}) && oneLine(args[2]) == runMain:
		return Component{Source: &args[3], Args: args[4:]}, true
	case len(args) > 2 && slices.Equal(args[:3], []string{"python3", "-m", mainModule}):
		return Component{Args: args[3:]}, true
	}
	return Component{}, false
}

// onlyInstalls reports whether a script does nothing but installs before it runs its
// arguments.
func onlyInstalls(script string) bool {
	text, ok := strings.CutSuffix(strings.TrimPrefix(oneLine(script), ensurePip), runNext)
	if !ok {
		return false
	}
	commands, all := simples(text)
	return all && !slices.ContainsFunc(commands, func(c simple) bool {
		_, ok := parseInstall(c)
		return !ok
	})
}

// oneLine makes each run of blanks and line feeds one blank.
func oneLine(script string) string { return strings.Join(strings.Fields(script), " ") }

// Task is what a fork of the fork server is told: the component, and the directories
// that its PYTHONPATH has and the server's has not.
func (c Component) Task(paths ...string) json.RawMessage {
	data, err := json.Marshal(struct {
		Component
		Paths []string
	}{c, paths})
	if err != nil {
		panic(fmt.Sprintf("pyenv: marshal task: %v", err)) // strings only
	}
	return data
}
