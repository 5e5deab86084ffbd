package cli

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/literal"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func createSecretCommand(s *Session) *cobra.Command {
	command := &cobra.Command{
		Use:   "secret generic|docker-registry NAME",
		Short: "Make a secret",
		Long: `Make a secret. Its values are encrypted where they are kept, and nothing shows
them but the steps that name them.`,
		Example: `  kfmesh create secret generic db --from-literal user=ann --from-file password=./password.txt
  pass show db | kfmesh create secret generic db --from-file password=-`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(createGenericCommand(s), createRegistryCommand(s))
	return command
}

func createGenericCommand(s *Session) *cobra.Command {
	o, source, kindOf := &createOptions{}, &literal.Source{}, ""
	command := &cobra.Command{
		Use:   "generic NAME",
		Short: "Make a secret of values from files, literals or variables",
		Long: `Make a secret of values from files, literals or variables.

What is on a command line can be seen by others of this machine and stays in
the history of a shell: give what matters as a file or on standard input.`,
		Example: `  kfmesh create secret generic db --from-literal user=ann --from-file password=./password.txt
  kfmesh create secret generic aws --from-env-file aws.env --replace
  pass show db | kfmesh create secret generic db --from-file password=-`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			values, err := s.readSource(source)
			if err != nil {
				return err
			}
			return s.createSecret(command, o, &gpuagentv1.Secret{Metadata: o.metadata(s, args[0]), Type: kindOf, Data: values})
		},
	}
	bindSource(command, source)
	command.Flags().StringVar(&kindOf, "type", "", "`type` as in Kubernetes; empty means Opaque")
	o.bind(command)
	o.bindReplace(command)
	return command
}

// registry is what is needed to pull images from somewhere.
type registry struct{ server, username, password, email string }

func createRegistryCommand(s *Session) *cobra.Command {
	o, r := &createOptions{}, &registry{}
	command := &cobra.Command{
		Use:   "docker-registry NAME",
		Short: "Make a secret that images are pulled with",
		Example: `  kfmesh create secret docker-registry ghcr --docker-server ghcr.io --docker-username ann --docker-password - < token
  kfmesh create secret generic hub --type kubernetes.io/dockerconfigjson --from-file .dockerconfigjson=$HOME/.docker/config.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			config, err := r.config(s.Term.In)
			if err != nil {
				return err
			}
			return s.createSecret(command, o, &gpuagentv1.Secret{
				Metadata: o.metadata(s, args[0]), Type: "kubernetes.io/dockerconfigjson",
				Data: map[string][]byte{".dockerconfigjson": config},
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&r.server, "docker-server", "https://index.docker.io/v1/", "`address` of the registry")
	flags.StringVar(&r.username, "docker-username", "", "user `name`")
	flags.StringVar(&r.password, "docker-password", "", "`password` or token; - reads it from standard input")
	flags.StringVar(&r.email, "docker-email", "", "e-mail `address`, which most registries do not want")
	o.bind(command)
	o.bindReplace(command)
	return command
}

// config is a ~/.docker/config.json with the one registry.
func (r *registry) config(stdin io.Reader) ([]byte, error) {
	if r.username == "" {
		return nil, fault.Invalidf("--docker-username", "is empty")
	}
	password := r.password
	if password == "-" {
		line, err := bufio.NewReader(stdin).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fault.Invalidf("--docker-password", "standard input cannot be read: %v", err)
		}
		password = strings.TrimRight(line, "\r\n")
	}
	if password == "" {
		return nil, fault.Invalidf("--docker-password", "is empty")
	}
	type login struct {
		Username string `json:"username"`
		Password string `json:"password"`
		Email    string `json:"email,omitempty"`
		Auth     string `json:"auth"`
	}
	auth := base64.StdEncoding.EncodeToString([]byte(r.username + ":" + password))
	return json.Marshal(map[string]map[string]login{
		"auths": {r.server: {Username: r.username, Password: password, Email: r.email, Auth: auth}},
	})
}

func (s *Session) createSecret(command *cobra.Command, o *createOptions, secret *gpuagentv1.Secret) error {
	ctx := command.Context()
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	made, doing, err := createOrReplace(o, func() (*gpuagentv1.Secret, error) {
		return c.Secrets.CreateSecret(ctx, &gpuagentv1.CreateSecretRequest{Secret: secret})
	}, func() (*gpuagentv1.Secret, error) {
		return c.Secrets.UpdateSecret(ctx, &gpuagentv1.UpdateSecretRequest{Secret: secret})
	})
	if err != nil {
		return err
	}
	return s.created(o, kind.Secrets(), made, doing)
}
