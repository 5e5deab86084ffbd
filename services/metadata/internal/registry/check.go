package registry

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// MLflow's limits, in characters.
const (
	maxName     = 256 // of a model or a version
	maxTagKey   = 250
	maxTagValue = 100_000
	maxAlias    = 255
)

// latest is the alias that every model has.
const latest = "latest"

var (
	aliasForm   = regexp.MustCompile(`^[\p{L}\p{N}_-]*$`)
	versionForm = regexp.MustCompile(`^[vV]\p{Nd}+$`)
	keyForm     = regexp.MustCompile(`^[/\p{L}\p{N}_.\- :]*$`)
)

// checkModelName checks a new name of a model. One that any may be has to be no
// more than there.
func checkModelName(parameter, name string, anyName bool) error {
	switch {
	case strings.TrimSpace(name) == "":
		return invalid("Missing value for required parameter '%s'.", parameter)
	case utf8.RuneCountInString(name) > maxName:
		return tooLong("name", maxName)
	case anyName:
		return nil
	}
	return checkMLflowName(name)
}

// checkMLflowName checks what MLflow wants of names of models.
func checkMLflowName(name string) error {
	if strings.TrimSpace(name) == "" {
		return invalid("Missing value for required parameter 'name'.")
	}
	if strings.ContainsAny(name, "/:") {
		return invalid("Invalid model name '%s'. Names cannot contain '/' or ':'.", name)
	}
	return checkPath("name", name)
}

// checkPath refuses a name that, as a path, means another.
func checkPath(parameter, name string) error {
	if resolved := path.Clean(name); resolved != name || resolved == "." || strings.HasPrefix(resolved, "..") || strings.HasPrefix(resolved, "/") {
		return badValue(parameter, name, "Names may be treated as files in certain cases, and must not resolve to other names"+
			" when treated as such. This name would resolve to '"+resolved+"'")
	}
	return nil
}

// checkTag checks a tag as MLflow does.
func checkTag(key, value string) error {
	if !keyForm.MatchString(key) {
		return badValue("key", key, "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.),"+
			" spaces ( ), colon(:) and slashes (/).")
	}
	if err := checkPath("key", key); err != nil {
		return err
	}
	return checkProperty(key, value)
}

// checkProperty checks what holds for Kubeflow's properties too.
func checkProperty(key, value string) error {
	switch {
	case utf8.RuneCountInString(key) > maxTagKey:
		return tooLong("key", maxTagKey)
	case utf8.RuneCountInString(value) > maxTagValue:
		return tooLong("value", maxTagValue)
	}
	return nil
}

// checkAlias checks the form of an alias.
func checkAlias(alias string) error {
	switch {
	case alias == "":
		return invalid("Registered model alias name cannot be empty.")
	case !aliasForm.MatchString(alias):
		return invalid("Invalid alias name: '%s'. Names may only contain alphanumerics, underscores (_), and dashes (-).", alias)
	case utf8.RuneCountInString(alias) > maxAlias:
		return tooLong("Registered model alias name", maxAlias)
	}
	return nil
}

// checkNewAlias checks an alias that is to be set.
func checkNewAlias(alias string) error {
	if err := checkAlias(alias); err != nil {
		return err
	}
	switch {
	case strings.EqualFold(alias, latest):
		return invalid("'latest' alias name (case insensitive) is reserved.")
	case versionForm.MatchString(alias):
		return invalid("Version alias name '%s' is reserved.", alias)
	}
	return nil
}

// checkSource refuses a source that climbs and, unless local paths are allowed,
// one that is a path of this host.
func checkSource(source string, noLocal bool) error {
	plain := unquoted(source)
	if slices.Contains(strings.Split(plain, "/"), "..") || strings.ContainsRune(plain, 0) {
		return invalid("Invalid model version source: '%s'. If supplying a source as an http, https, local file path, ftp,"+
			" objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references"+
			" present. Please provide an absolute path.", source)
	}
	if noLocal && isLocal(source) {
		return invalid("Invalid model version source: '%s'. To use a local path as a model version source, the run_id request"+
			" parameter has to be specified and the local path has to be contained within the artifact directory of the"+
			" run specified by the run_id.", source)
	}
	return nil
}

// unquoted undoes all that URLs hide characters with.
func unquoted(text string) string {
	for range 16 {
		next, err := url.PathUnescape(text)
		if err != nil || next == text {
			break
		}
		text = next
	}
	return text
}

// isLocal reports whether a URI is a path of some host's file system.
func isLocal(uri string) bool {
	parsed, err := url.Parse(uri)
	if err != nil {
		return !strings.Contains(uri, "://")
	}
	return parsed.Scheme == "" || parsed.Scheme == "file"
}

// parseVersion reads the number of a version.
func parseVersion(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, invalid("Parameter 'version' must be an integer, got '%s'.", text)
	}
	return n, nil
}

// badValue says that a parameter has a value that will not do.
func badValue(parameter, value, why string) *fault.Error {
	return invalid("Invalid value %s for parameter '%s' supplied: %s", strconv.QuoteToASCII(value), parameter, why)
}

// tooLong says that a text has more characters than it may.
func tooLong(what string, limit int) *fault.Error {
	return invalid("'%s' exceeds the maximum length of %d characters", what, limit)
}

func noModel(name string) error {
	if err := checkMLflowName(name); err != nil {
		return err
	}
	return fault.NotFoundf("Registered Model with name=%s not found", name)
}

func noVersion(model, version string) error {
	return fault.NotFoundf("Model Version (name=%s, version=%s) not found", model, version)
}

// noID says that nothing of a kind has an id.
func noID(what string, id int64) error {
	return fault.NotFoundf("no %s found for id %d", what, id)
}

// noneNamed says that nothing of a kind goes by what was asked.
func noneNamed(what string, asked ...any) error {
	return fault.NotFoundf("no %s found for %s", what, strings.TrimSpace(fmt.Sprintln(asked...)))
}
