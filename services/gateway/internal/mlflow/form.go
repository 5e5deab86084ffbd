package mlflow

import (
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// form is what a client sent: the fields of a query or of a JSON object. Handlers
// read the fields in MLflow's order; the first that is wrong is the form's err, and
// those read after it are empty. Fields that nobody reads are ignored.
//
// As in MLflow, integers and numbers may be texts, a null is a field that is not
// there, and a field may be spelled in camel case.
type form struct {
	path   string // of the form in the request, such as "metrics[0]."; empty for the request
	fields []member
	query  bool // fields are texts, booleans among them
	err    *error
}

func newForm(v value) form { return form{fields: v.items, err: new(error)} }

// queryForm is the form that a query is. A key that is there once may still be a
// list.
func queryForm(query url.Values) form {
	f := form{query: true, err: new(error)}
	for key, values := range query {
		m := member{key, value{kind: text, text: values[0]}}
		for _, v := range values {
			m.items = append(m.items, member{value: value{kind: text, text: v}})
		}
		f.fields = append(f.fields, m)
	}
	return f
}

// failure is what was wrong with the fields read so far.
func (f form) failure() error { return *f.err }

// wrong makes an error the form's, unless it has one.
func (f form) wrong(err error) {
	if *f.err == nil {
		*f.err = err
	}
}

// seeDocs ends MLflow's messages about parameters.
const seeDocs = " See the API docs for more information about request parameters."

func missing(path string) error {
	return fault.New(fault.Invalid, "Missing value for required parameter '%s'."+seeDocs, path)
}

func mistyped(path string, v value) error {
	return fault.New(fault.Invalid, "Invalid value %s for parameter '%s' supplied:  Hint: Value was of type '%s'."+seeDocs,
		v.dump(nil), path, v.pythonType())
}

// find returns a field that is there and not null. Of fields of one name the last
// counts.
func (f form) find(name string) (value, bool) {
	for i := len(f.fields) - 1; i >= 0; i-- {
		if f.fields[i].name == name {
			return f.fields[i].value, f.fields[i].kind != null
		}
	}
	if strings.Contains(name, "_") {
		for _, field := range f.fields {
			if isCamel(field.name, name) {
				return field.value, field.kind != null
			}
		}
	}
	return value{}, false
}

// isCamel says whether camel is snake in camel case.
func isCamel(camel, snake string) bool {
	at := 0
	for i := 0; i < len(snake); i, at = i+1, at+1 {
		want := snake[i]
		if want == '_' && i+1 < len(snake) {
			i++
			want = snake[i] &^ 0x20
		}
		if at >= len(camel) || camel[at] != want {
			return false
		}
	}
	return at == len(camel)
}

// has says whether a field is there and not null.
func (f form) has(name string) bool {
	_, ok := f.find(name)
	return ok
}

// need makes a field that is not there, or empty, an error.
func (f form) need(names ...string) form {
	for _, name := range names {
		if v, ok := f.find(name); !ok || v.kind == text && v.text == "" {
			f.wrong(missing(f.path + name))
		}
	}
	return f
}

// text reads a text.
func (f form) text(name string) string {
	v, ok := f.find(name)
	if !ok {
		return ""
	}
	if v.kind != text {
		f.wrong(mistyped(f.path+name, v))
		return ""
	}
	return v.text
}

// required reads a text that must be there.
func (f form) required(name string) string { return f.need(name).text(name) }

// runID reads the run, which old clients call run_uuid.
func (f form) runID() string {
	if !f.has("run_id") && f.has("run_uuid") {
		return f.required("run_uuid")
	}
	return f.required("run_id")
}

// integer reads an integer, 0 when it is not there.
func (f form) integer(name string) int64 {
	v, ok := f.find(name)
	if !ok {
		return 0
	}
	if v.kind == text || v.kind == number {
		if n, err := strconv.ParseInt(v.text, 10, 64); err == nil {
			return n
		}
		// 1.0 and 1e3 are integers too.
		if x, err := strconv.ParseFloat(v.text, 64); err == nil && v.kind == number && x == math.Trunc(x) && math.Abs(x) < 1<<63 {
			return int64(x)
		}
	}
	f.wrong(mistyped(f.path+name, v))
	return 0
}

// small reads an integer of 32 bits. What is beyond becomes the nearest one.
func (f form) small(name string) int32 {
	return int32(max(math.MinInt32, min(math.MaxInt32, f.integer(name))))
}

// number reads a number, NaN and infinities among them, 0 when it is not there.
func (f form) number(name string) float64 {
	v, ok := f.find(name)
	if !ok {
		return 0
	}
	if v.kind == text || v.kind == number {
		x, err := strconv.ParseFloat(v.text, 64)
		isHex := strings.ContainsAny(v.text, "xX") // which only Go reads
		if !isHex && (err == nil || isRange(err) && v.kind == number) {
			return x
		}
	}
	f.wrong(mistyped(f.path+name, v))
	return 0
}

// isRange says whether a number was too large, and so is an infinity.
func isRange(err error) bool { return strings.HasSuffix(err.Error(), strconv.ErrRange.Error()) }

// flag reads a boolean, false when it is not there.
func (f form) flag(name string) bool {
	v, ok := f.find(name)
	if !ok {
		return false
	}
	if f.query {
		switch strings.ToLower(v.text) {
		case "true", "false":
			return strings.EqualFold(v.text, "true")
		}
		f.wrong(fault.New(fault.Invalid, "Invalid boolean value: %s, must be 'true' or 'false'.", v.text))
		return false
	}
	if v.kind != boolean {
		f.wrong(mistyped(f.path+name, v))
	}
	return v.text == "true"
}

// enum reads a value of an enumeration, by name or by number; 0 when it is not
// there.
func (f form) enum(name string, names map[string]int32) int32 {
	v, ok := f.find(name)
	if !ok {
		return 0
	}
	if n, ok := names[v.text]; ok && v.kind == text {
		return n
	}
	if n, err := strconv.ParseInt(v.text, 10, 32); err == nil {
		for _, known := range names {
			if int64(known) == n {
				return known
			}
		}
	}
	f.wrong(mistyped(f.path+name, v))
	return 0
}

// items reads a list.
func (f form) items(name string) []member {
	v, ok := f.find(name)
	if !ok {
		return nil
	}
	if v.kind != list && !f.query {
		f.wrong(mistyped(f.path+name, v))
		return nil
	}
	return v.items
}

// texts reads a list of texts.
func (f form) texts(name string) []string {
	items := f.items(name)
	if len(items) == 0 {
		return nil
	}
	texts := make([]string, len(items))
	for i, item := range items {
		if item.kind != text {
			v, _ := f.find(name)
			f.wrong(mistyped(f.path+name, v))
			return nil
		}
		texts[i] = item.text
	}
	return texts
}

// sub reads a field that is a form itself, empty when it is not there.
func (f form) sub(name string) form {
	v, ok := f.find(name)
	if ok && v.kind != object {
		f.wrong(mistyped(f.path+name, v))
	}
	return form{path: f.path + name + ".", fields: v.items, err: f.err}
}

// forms reads a list of forms, each by read. It stops at the first that is wrong.
func forms[T any](f form, name string, read func(form) T) []T {
	items := f.items(name)
	if len(items) == 0 {
		return nil
	}
	all := make([]T, 0, len(items))
	for i, item := range items {
		if item.kind != object {
			v, _ := f.find(name)
			f.wrong(mistyped(f.path+name, v))
		}
		if *f.err != nil {
			return nil
		}
		sub := form{fields: item.items, err: f.err}
		all = append(all, read(sub))
		if *f.err != nil { // read again with the path, which is only needed now
			*f.err = nil
			sub.path = f.path + name + "[" + strconv.Itoa(i) + "]."
			read(sub)
			return nil
		}
	}
	return all
}
