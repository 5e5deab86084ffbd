package cli

import (
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/literal"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

func createConfigMapCommand(s *Session) *cobra.Command {
	o, source := &createOptions{}, &literal.Source{}
	command := &cobra.Command{
		Use:     "configmap NAME",
		Aliases: []string{"cm"},
		Short:   "Make a config map of values from files, literals or variables",
		Example: `  kfmesh create configmap app --from-file settings.ini --from-literal mode=fast
  kfmesh create configmap app --from-file ./config.d --replace`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			values, err := s.readSource(source)
			if err != nil {
				return err
			}
			return s.createConfigMap(command, o, configMapOf(args[0], s, o, values))
		},
	}
	bindSource(command, source)
	o.bind(command)
	o.bindReplace(command)
	return command
}

// configMapOf puts what is not text where such things go.
func configMapOf(name string, s *Session, o *createOptions, values map[string][]byte) *gpuagentv1.ConfigMap {
	c := &gpuagentv1.ConfigMap{Metadata: o.metadata(s, name), Data: map[string]string{}, BinaryData: map[string][]byte{}}
	for key, value := range values {
		if utf8.Valid(value) {
			c.Data[key] = string(value)
		} else {
			c.BinaryData[key] = value
		}
	}
	return c
}

func (s *Session) createConfigMap(command *cobra.Command, o *createOptions, m *gpuagentv1.ConfigMap) error {
	ctx := command.Context()
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	made, doing, err := createOrReplace(o, func() (*gpuagentv1.ConfigMap, error) {
		return c.ConfigMaps.CreateConfigMap(ctx, &gpuagentv1.CreateConfigMapRequest{ConfigMap: m})
	}, func() (*gpuagentv1.ConfigMap, error) {
		return c.ConfigMaps.UpdateConfigMap(ctx, &gpuagentv1.UpdateConfigMapRequest{ConfigMap: m})
	})
	if err != nil {
		return err
	}
	return s.created(o, kind.ConfigMaps(), made, doing)
}
