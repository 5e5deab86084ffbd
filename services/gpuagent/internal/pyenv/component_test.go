package pyenv

import (
	"reflect"
	"testing"
)

const kfpMain = `program_path=$(mktemp -d)

printf "%s" "$0" > "$program_path/ephemeral_component.py"
_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main                         --component_module_path                         "$program_path/ephemeral_component.py"                         "$@"
`

func TestParseComponent(t *testing.T) {
	source := "import kfp\n"
	want := Component{Source: &source, Args: []string{"--executor_input", "{}"}}
	for _, tt := range []struct {
		name string
		args []string
		want *Component
	}{
		{"with installs", []string{"sh", "-c", kfpScript, "sh", "-ec", kfpMain, source, "--executor_input", "{}"}, &want},
		{"without", []string{"sh", "-ec", kfpMain, source, "--executor_input", "{}"}, &want},
		{
			"in its image",
			[]string{"python3", "-m", "kfp.dsl.executor_main", "--component_module_path", "c.py", "--executor_input", "{}"},
			&Component{Args: []string{"--component_module_path", "c.py", "--executor_input", "{}"}},
		},
		{"no source", []string{"sh", "-c", kfpScript, "sh", "-ec", kfpMain}, nil},
		{"nothing", nil, nil},
		{"another shell", []string{"bash", "-ec", kfpMain, source}, nil},
		{"another module", []string{"python3", "-m", "kfp.v2.executor_main"}, nil},
		{"more is done", []string{"sh", "-ec", kfpMain + "\necho done", source}, nil},
		{"more is done before", []string{"sh", "-c", `pip install a && echo x && "$0" "$@"`, "sh", "-ec", kfpMain, source}, nil},
		{"what is installed is not known", []string{"sh", "-c", `pip install -r r.txt && "$0" "$@"`, "sh", "-ec", kfpMain, source}, nil},
		{"what is done is not known", []string{"sh", "-c", "pip install a; cat <<X\n\nX && \"$0\" \"$@\"", "sh", "-ec", kfpMain, source}, nil},
		{"nothing follows", []string{"sh", "-c", "pip install a", "sh", "-ec", kfpMain, source}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := ParseComponent(tt.args)
			if ok != (tt.want != nil) || ok && !reflect.DeepEqual(got, *tt.want) {
				t.Errorf("got %+v, %t, want %+v", got, ok, tt.want)
			}
		})
	}
}
