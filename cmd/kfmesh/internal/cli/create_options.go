package cli

import (
	"fmt"
	"maps"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/literal"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// createOptions are the flags of what steps mount.
type createOptions struct {
	labels  map[string]string
	replace bool
	format  output.Format
}

func (o *createOptions) bind(command *cobra.Command) {
	o.format = output.FormatTable
	flags := command.Flags()
	flags.StringToStringVarP(&o.labels, "label", "l", nil, "`label`s to select by, as key=value")
	flags.VarP(&o.format, "output", "o", "how to print what was made: table, json, yaml or name")
}

// bindReplace adds the flag of what can be changed.
func (o *createOptions) bindReplace(command *cobra.Command) {
	command.Flags().BoolVar(&o.replace, "replace", false, "put it in the place of one of that name, if there is one")
}

func (o *createOptions) metadata(s *Session, name string) *metav1.ObjectMeta {
	return &metav1.ObjectMeta{Namespace: s.namespace, Name: name, Labels: maps.Clone(o.labels)}
}

// createOrReplace creates something, or with --replace changes what has its name.
func createOrReplace[M any](o *createOptions, create, update func() (M, error)) (made M, doing string, err error) {
	made, err = create()
	if o.replace && fault.Is(err, fault.AlreadyExists) {
		made, err = update()
		return made, "replaced", err
	}
	return made, "created", err
}

// created tells what was made.
func (s *Session) created(o *createOptions, k *kind.Kind, m proto.Message, doing string) error {
	if o.format.Document() || o.format == output.FormatName {
		return s.show(o.format, k, []proto.Message{m}, false)
	}
	_, err := fmt.Fprintf(s.Term.Out, "%s %s %s\n", doing, k.Singular, k.ID(m))
	return err
}

// bindSource adds the flags that give values.
func bindSource(command *cobra.Command, source *literal.Source) {
	flags := command.Flags()
	flags.StringArrayVar(&source.Literals, "from-literal", nil, "a value as `KEY=VALUE`; may be repeated")
	flags.StringArrayVar(&source.Files, "from-file", nil, "a file as `[KEY=]PATH`, or all files of a directory; KEY=- reads standard input; may be repeated")
	flags.StringArrayVar(&source.EnvFiles, "from-env-file", nil, "a `file` of KEY=VALUE lines; may be repeated")
}

// readSource reads what the flags give.
func (s *Session) readSource(source *literal.Source) (map[string][]byte, error) {
	wanted := 0
	for _, file := range append(append([]string{}, source.Files...), source.EnvFiles...) {
		if file == "-" || strings.HasSuffix(file, "=-") {
			wanted++
		}
	}
	if wanted > 1 {
		return nil, fault.Invalidf("", "standard input can be read once, and %d flags want it", wanted)
	}
	return source.Read(s.Term.In, func(name string) string { return s.setting(name, "") })
}
