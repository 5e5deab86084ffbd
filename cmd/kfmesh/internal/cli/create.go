package cli

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/literal"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func createCommand(s *Session) *cobra.Command {
	command := &cobra.Command{
		Use:   "create secret|configmap|volume ...",
		Short: "Make what steps mount or get as environment",
		Long: `Make secrets, config maps and volumes, which steps mount or get as environment.

Values of secrets are encrypted where they are kept, and nothing shows them but
the steps that name them.`,
		Example: `  kfmesh create secret generic db --from-literal user=ann --from-file password=./password.txt
  kfmesh create secret docker-registry ghcr --docker-server ghcr.io --docker-username ann --docker-password -
  kfmesh create configmap app --from-file settings.ini
  kfmesh create volume data --size 10Gi`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(createSecretCommand(s), createConfigMapCommand(s), createVolumeCommand(s))
	return command
}

// createOptions are the flags that all things to be created have.
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
	if stdin := slices.DeleteFunc(slices.Concat(source.Files, source.EnvFiles), func(file string) bool {
		return file != "-" && (len(file) < 2 || file[len(file)-2:] != "=-")
	}); len(stdin) > 1 {
		return nil, fault.Invalidf("", "standard input can be read once, and %d flags want it", len(stdin))
	}
	return source.Read(s.Term.In, func(name string) string { return s.setting(name, "") })
}
