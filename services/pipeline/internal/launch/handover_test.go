package launch

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// executorScript is the script of a lightweight component, as the SDK compiles it.
const executorScript = `_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main --component_module_path "$program_path/ephemeral_component.py" "$@"`

// withCommand is a request whose step has a command and arguments.
func withCommand(t testing.TB, parameters map[string]any, command, args []string) Request {
	req := request(t, "comp-step", parameters)
	req.Layout.InputDir = "/data/w/inputs"
	executors := map[string]ir.Executor{}
	for name, executor := range req.Spec.DeploymentSpec.Executors {
		if executor.Container != nil {
			container := *executor.Container
			container.Command, container.Args = command, args
			executor.Container = &container
		}
		executors[name] = executor
	}
	spec := *req.Spec
	spec.DeploymentSpec.Executors = executors
	req.Spec = &spec
	return req
}

func TestALargeExecutorInputIsHandedOverInAFile(t *testing.T) {
	args := []string{"--executor_input", "{{$}}", "--function_to_execute", "f"}
	for name, command := range map[string][]string{
		"lightweight":   {"sh", "-ec", executorScript, "def f(): pass"},
		"older":         {"sh", "-ec", strings.Replace(executorScript, "kfp.dsl", "kfp.components", 1), "def f(): pass"},
		"containerized": {"python3", "-m", "kfp.dsl.executor_main"},
	} {
		t.Run(name, func(t *testing.T) {
			small, err := Build(withCommand(t, map[string]any{"count": 1.0, "word": "x"}, command, args))
			if err != nil || small.InputFile != "" || !slices.Equal(small.Command, command) || small.Args[1] != string(small.ExecutorInput) {
				t.Fatalf("a small one is handed over as %+v, %v", small, err)
			}
			text := strings.Repeat("x", 1<<20)
			large, err := Build(withCommand(t, map[string]any{"count": 1.0, "word": text}, command, args))
			if err != nil {
				t.Fatal(err)
			}
			if large.InputFile != "/data/w/inputs/executor_input.json" || large.Args[1] != large.InputFile || len(large.ExecutorInput) < len(text) {
				t.Errorf("it is at %q, and the arguments are %q", large.InputFile, large.Args)
			}
			if !slices.Contains(large.Directories, large.Returns[0][:strings.LastIndex(large.Returns[0], "/")]) {
				t.Errorf("the step that writes %q has the directories %q", large.Returns, large.Directories)
			}
			if size := len(strings.Join(large.Command, "")); size > len(strings.Join(command, ""))+1000 {
				t.Errorf("the command takes %d bytes", size)
			}
		})
	}
}

func TestArgumentsThatNoProgramTakes(t *testing.T) {
	long, half := strings.Repeat("x", 130<<10), strings.Repeat("x", 70<<10)
	word := "{{$.inputs.parameters['word']}}"
	for name, tt := range map[string]struct {
		word    string
		command []string
		args    []string
		want    string // of the refusal; empty for none
	}{
		"short":            {"x", []string{"tool"}, []string{word}, ""},
		"half":             {half, []string{"tool"}, []string{word}, ""},
		"long":             {long, []string{"tool"}, []string{"--word", "it is " + word}, `args[1], "it is {{$.inputs.parameters['word']}}", is an argument of 130 KiB`},
		"long in command":  {long, []string{"tool", word}, nil, "command[1]"},
		"long together":    {half, []string{"tool", word}, []string{word}, "140 KiB together"},
		"a long whole":     {long, []string{"tool"}, []string{"{{$}}"}, `args[0], "{{$}}"`},
		"nowhere to fetch": {long, []string{"python3", "-m", "kfp.dsl.other"}, []string{"--executor_input", "{{$}}"}, "args[1]"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Build(withCommand(t, map[string]any{"count": 1.0, "word": tt.word}, tt.command, tt.args))
			if tt.want == "" && err != nil || tt.want != "" && (!fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// TestTheBootProgram runs the program by which a step reads its input from a file,
// with a module that shows what it gets.
func TestTheBootProgram(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	dir := t.TempDir()
	module := filepath.Join(dir, "kfp", "dsl")
	if err := os.MkdirAll(module, 0o755); err != nil {
		t.Fatal(err)
	}
	show := "import sys\nassert __name__ == '__main__' and sys.argv[0].endswith('executor_main.py'), sys.argv[0]\n" +
		"assert sys.path[0] == __import__('os').getcwd()\nprint(len(sys.argv[2]), sys.argv[1], sys.argv[3:])\n"
	for name, content := range map[string]string{
		"kfp/__init__.py": "", "kfp/dsl/__init__.py": "", "kfp/dsl/executor_main.py": show, "input.json": strings.Repeat("é", 200<<10),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, command := range map[string][]string{
		"script": {"sh", "-ec", python + ` -m kfp.dsl.executor_main "$0" "$@"`},
		"module": {python, "-m", "kfp.dsl.executor_main"},
	} {
		booted, can := boot(command)
		if !can {
			t.Fatalf("%s is not known", name)
		}
		cmd := exec.CommandContext(t.Context(), booted[0], append(booted[1:], "--executor_input", filepath.Join(dir, "input.json"), "--more", "a b")...)
		cmd.Dir = dir
		output, err := cmd.CombinedOutput()
		if want := "204800 --executor_input ['--more', 'a b']\n"; err != nil || string(output) != want {
			t.Errorf("%s: %v: %s", name, err, output)
		}
	}
}

func TestLargeOutputsAreSetApart(t *testing.T) {
	text := strings.Repeat("é", 100<<10)
	got, err := ReadOutputs(request(t, "comp-step", nil), map[string]File{
		dir + "executor_output.json": {Content: []byte(`{"parameterValues": {"total": 7, "parts": [1, "` + text + `"], "word": ["` + text + `"]}}`)},
		dir + ".parameters/yes":      {Content: []byte("true")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Values.Parameters) != 2 || string(got.Apart["parts"]) != `[1, "`+text+`"]` {
		t.Errorf("%d values are not apart, and the list is %.40s", len(got.Values.Parameters), got.Apart["parts"])
	}
	if want := `"[\"` + text + `\"]"`; string(got.Apart["word"]) != want {
		t.Errorf("a list that is to be a text is %.40s", got.Apart["word"])
	}
	files := written("")
	files[dir+".parameters/word"] = File{Content: []byte(text)}
	if got, err = ReadOutputs(request(t, "comp-step", nil), files); err != nil || string(got.Apart["word"]) != `"`+text+`"` {
		t.Errorf("a text of its own file is %.40s, %v", got.Apart["word"], err)
	}
	files[dir+".parameters/word"] = File{Content: []byte("\xff")}
	if _, err = ReadOutputs(request(t, "comp-step", nil), files); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("bytes that are no text: %v", err)
	}
}
