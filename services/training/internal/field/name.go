package field

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Rule says everything that is wrong with a name; nothing when it is one.
type Rule func(name string) []string

// What a name may be. The rules, and their words, are Kubernetes' own.
var (
	Label         Rule = validation.IsDNS1123Label     // of containers and volumes
	Subdomain     Rule = validation.IsDNS1123Subdomain // of most objects
	Service       Rule = validation.IsDNS1035Label     // of what has a host's name
	QualifiedName Rule = validation.IsQualifiedName    // of labels, annotations and resources
	LabelValue    Rule = validation.IsValidLabelValue
	EnvName       Rule = validation.IsRelaxedEnvVarName
	Key           Rule = validation.IsConfigMapKey // of a secret or config map
	Header        Rule = validation.IsHTTPHeaderName
	Port          Rule = validation.IsValidPortName
)

// Name says what is wrong with a name, which may not be empty.
func (p *Problems) Name(path, name string, rule Rule) {
	if name == "" {
		p.Required(path, "")
		return
	}
	p.OptionalName(path, name, rule)
}

// OptionalName says what is wrong with a name that is there.
func (p *Problems) OptionalName(path, name string, rule Rule) {
	if name == "" {
		return
	}
	for _, wrong := range rule(name) {
		p.Invalid(path, name, wrong)
	}
}

// Labels says what is wrong with labels, or with what selects by them.
func (p *Problems) Labels(path string, labels map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		for _, wrong := range QualifiedName(name) {
			p.Invalid(path, name, wrong)
		}
		for _, wrong := range LabelValue(labels[name]) {
			p.Invalid(path, labels[name], wrong)
		}
	}
}

// maxAnnotations is how much annotations may hold together.
const maxAnnotations = 256 << 10

// Annotations says what is wrong with annotations, whose values may be anything.
func (p *Problems) Annotations(path string, annotations map[string]string) {
	size := 0
	for _, name := range slices.Sorted(maps.Keys(annotations)) {
		size += len(name) + len(annotations[name])
		for _, wrong := range QualifiedName(strings.ToLower(name)) {
			p.Invalid(path, name, wrong)
		}
	}
	if size > maxAnnotations {
		p.add(path, "Too long: may not be more than 262144 bytes")
	}
}
