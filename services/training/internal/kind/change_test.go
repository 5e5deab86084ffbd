package kind

import (
	"strings"
	"testing"
)

func TestCheckChange(t *testing.T) {
	t.Parallel()
	const other = `{"spec":{"runPolicy":{"suspend":true,"schedulingPolicy":{"queue":"q"},"managedBy":"a"}}}`
	for _, tt := range []struct{ from, to, want string }{
		{`{}`, `{}`, ""},
		{other, strings.Replace(other, "true", "false", 1), ""},
		{other, strings.Replace(other, `"q"`, `"r"`, 1), `spec.runPolicy.schedulingPolicy.queue: Invalid value: "r": spec.runPolicy.schedulingPolicy.queue is immutable`},
		{other, `{"spec":{"runPolicy":{"managedBy":"a"}}}`, "queue is immutable"},
		{other, strings.Replace(other, `"a"`, `"b"`, 1), `spec.runPolicy.managedBy: Invalid value: "b": field is immutable`},
		{`{}`, other, "managedBy"},
		{`{"spec":[]}`, `{"spec":{"runPolicy":1}}`, ""}, // of which the reading has said what it is
	} {
		err := CheckChange(tt.from, tt.to)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s to %s: %v, want %q", tt.from, tt.to, err, tt.want)
		}
	}
}
