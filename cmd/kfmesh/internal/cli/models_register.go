package cli

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// registerOptions are the flags of models register.
type registerOptions struct {
	format      output.Format
	run         string
	artifact    string
	version     string
	description string
	tags        []string
	alias       string
}

func modelsRegisterCommand(s *Session) *cobra.Command {
	o := &registerOptions{format: output.FormatTable}
	command := &cobra.Command{
		Use:   "register NAME [URI]",
		Short: "Make a version of a model, and the model if there is none",
		Long: `Make a version of a model, and the model if there is none of that name.

The version is of what is at a URI, of what a run made, or of an artifact. With
--run, a run of a pipeline must have made one artifact of type system.Model; a run
that was tracked, whose id has 32 hexadecimal digits, must have logged a model.`,
		Example: `  kfmesh models register iris s3://models/iris/2026-11-29
  kfmesh models register iris --run last --alias candidate
  kfmesh models register iris --artifact 42 --tag team=vision
  kfmesh models register iris models:/m-0123456789abcdef0123456789abcdef
  kfmesh models register iris gs://models/iris --version 2026.11`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(command *cobra.Command, args []string) error { return s.register(command.Context(), o, args) },
	}
	flags := command.Flags()
	flags.VarP(&o.format, "output", "o", "how to print the version: table, json, yaml or name")
	flags.StringVar(&o.run, "run", "", "of what this `run` made")
	flags.StringVar(&o.artifact, "artifact", "", "of this `artifact`")
	flags.StringVar(&o.version, "version", "", "`name` of the version; without one it is the number")
	flags.StringVar(&o.description, "description", "", "what there is to say about the version")
	flags.StringArrayVar(&o.tags, "tag", nil, "tag of the version, as `KEY=VALUE`; may be given again")
	flags.StringVar(&o.alias, "alias", "", "`alias` to point to the version")
	return command
}

func (s *Session) register(ctx context.Context, o *registerOptions, args []string) error {
	version := &metadatav1.ModelVersion{ModelName: args[0], Name: o.version, Description: o.description}
	if len(args) == 2 {
		version.Source = args[1]
	}
	given := 0
	for _, text := range []string{version.GetSource(), o.run, o.artifact} {
		if text != "" {
			given++
		}
	}
	if given != 1 {
		return fault.Invalidf("", "say what the version is of: a URI, --run or --artifact, one of them")
	}
	var err error
	if version.Properties, err = parseTags(o.tags); err != nil {
		return err
	}
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	if err := s.registerFrom(ctx, c, o, version); err != nil {
		return err
	}
	if err := s.ensureModel(ctx, c, args[0]); err != nil {
		return err
	}
	made, err := c.Models.CreateModelVersion(ctx, &metadatav1.CreateModelVersionRequest{Namespace: s.namespace, Version: version})
	if err != nil {
		return err
	}
	number := strconv.FormatInt(made.GetNumber(), 10)
	if o.alias != "" {
		_, err := c.Models.SetModelAlias(ctx, &metadatav1.SetModelAliasRequest{Namespace: s.namespace, Name: args[0], Alias: o.alias, Version: number})
		if err != nil {
			return err
		}
		made.Aliases = append(made.GetAliases(), o.alias)
	}
	return s.showVersion(o.format, made, fmt.Sprintf("registered version %s of model %s", number, args[0]))
}

// parseTags reads KEY=VALUE texts.
func parseTags(texts []string) (map[string]*metadatav1.PropertyValue, error) {
	tags := make(map[string]*metadatav1.PropertyValue, len(texts))
	for _, text := range texts {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, fault.Invalidf("--tag", "%q is not KEY=VALUE", text)
		}
		tags[key] = &metadatav1.PropertyValue{Value: &metadatav1.PropertyValue_StringValue{StringValue: value}}
	}
	return tags, nil
}

// trackedRun is how ids of tracked runs look.
var trackedRun = regexp.MustCompile(`^[0-9a-f]{32}$`)

// registerFrom says in a version which run or artifact it is of.
func (s *Session) registerFrom(ctx context.Context, c *client.Client, o *registerOptions, version *metadatav1.ModelVersion) error {
	switch {
	case o.artifact != "":
		m, err := kind.Artifacts().Resolve(ctx, c, s.namespace, o.artifact)
		if err != nil {
			return err
		}
		version.LineageArtifactId = m.(*metadatav1.Artifact).GetArtifactId()
	case trackedRun.MatchString(o.run):
		version.RunId = o.run
	case o.run != "":
		m, err := kind.Runs().Resolve(ctx, c, s.namespace, o.run)
		if err != nil {
			return err
		}
		version.LineageArtifactId, err = modelMadeBy(ctx, c, kind.Runs().ID(m))
		return err
	}
	return nil
}

// modelMadeBy is the number of the one model that a pipeline's run made.
func modelMadeBy(ctx context.Context, c *client.Client, run string) (int64, error) {
	made, err := kind.Artifacts().List(ctx, c, kind.Query{Run: run, Type: "system.Model"})
	if err != nil {
		return 0, err
	}
	if len(made) == 1 {
		return made[0].(*metadatav1.Artifact).GetArtifactId(), nil
	}
	ids := make([]string, len(made))
	for i, m := range made {
		ids[i] = kind.Artifacts().ID(m)
	}
	if len(ids) == 0 {
		return 0, fault.Preconditionf("run %s made no artifact of type system.Model: give a URI or --artifact", output.ShortID(run))
	}
	return 0, fault.Preconditionf("run %s made %d models: give one of them with --artifact: %s", output.ShortID(run), len(ids), strings.Join(ids, ", "))
}

// ensureModel makes a model unless there is one of that name.
func (s *Session) ensureModel(ctx context.Context, c *client.Client, name string) error {
	_, err := c.Models.CreateRegisteredModel(ctx, &metadatav1.CreateRegisteredModelRequest{
		Model: &metadatav1.RegisteredModel{Namespace: s.namespace, Name: name},
	})
	if fault.Is(err, fault.AlreadyExists) {
		return nil
	}
	return err
}
