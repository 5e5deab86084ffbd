package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// parseReference reads "[KIND] REF" or "KIND/REF" arguments. Without a kind it
// is the fallback.
func parseReference(args []string, fallback *kind.Kind) (*kind.Kind, string, error) {
	switch len(args) {
	case 1:
		if word, ref, ok := strings.Cut(args[0], "/"); ok && ref != "" {
			if k, err := kind.Parse(word); err == nil {
				return k, ref, nil
			}
		}
		if fallback == nil {
			if _, err := kind.Parse(args[0]); err != nil {
				return nil, "", err
			}
			return nil, "", fault.Invalidf("", "which %s? give an id, a name or %q", args[0], kind.Last)
		}
		return fallback, args[0], nil
	case 2:
		k, err := kind.Parse(args[0])
		return k, args[1], err
	}
	return nil, "", fault.Invalidf("", "give a kind and one id or name")
}

// parseReferences reads "KIND REF..." or "KIND/REF..." arguments, all of one kind.
func parseReferences(args []string, fallback *kind.Kind) (*kind.Kind, []string, error) {
	if len(args) == 1 {
		k, ref, err := parseReference(args, fallback)
		return k, []string{ref}, err
	}
	k, err := kind.Parse(args[0])
	if err == nil {
		return k, args[1:], nil
	}
	if k, refs, ok := prefixed(args); ok {
		return k, refs, nil
	}
	if fallback == nil {
		return nil, nil, err
	}
	return fallback, args, nil
}

// prefixed reads "KIND/REF KIND/REF ..." arguments that all name the same kind.
func prefixed(args []string) (of *kind.Kind, refs []string, ok bool) {
	first, _, _ := strings.Cut(args[0], "/")
	for _, arg := range args {
		word, ref, _ := strings.Cut(arg, "/")
		if word != first || ref == "" {
			return nil, nil, false
		}
		refs = append(refs, ref)
	}
	k, err := kind.Parse(first)
	return k, refs, err == nil
}

// resolveAll finds what the references mean, all before anything is changed.
func (s *Session) resolveAll(ctx context.Context, c *client.Client, k *kind.Kind, refs []string) ([]proto.Message, error) {
	found := make([]proto.Message, 0, len(refs))
	for _, ref := range refs {
		m, err := k.Resolve(ctx, c, s.namespace, ref)
		if err != nil {
			return nil, err
		}
		found = append(found, m)
	}
	return found, nil
}

// Completion of arguments: how long a server may take to help and how many
// resources are offered.
const (
	completionTimeout = time.Second
	completionLimit   = 50
)

type completer = func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective)

// completeReference offers kinds for the first argument and resources for the
// others; with a fallback kind its resources are offered first as well.
func (s *Session) completeReference(fallback *kind.Kind) completer {
	return func(command *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			k, err := kind.Parse(args[0])
			if err != nil {
				k = fallback
			}
			return s.completions(command.Context(), k), cobra.ShellCompDirectiveNoFileComp
		}
		var offers []cobra.Completion
		if fallback != nil {
			offers = s.completions(command.Context(), fallback)
		}
		for _, k := range kind.All() {
			offers = append(offers, cobra.CompletionWithDesc(k.Singular, "kind of resource"))
		}
		return offers, cobra.ShellCompDirectiveNoFileComp
	}
}

// completions lists ids with names; none when the server does not answer.
func (s *Session) completions(ctx context.Context, k *kind.Kind) []cobra.Completion {
	if k == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	c, err := s.client(ctx)
	if err != nil {
		return nil
	}
	listed, err := k.List(ctx, c, kind.Query{Namespace: s.namespace, Limit: completionLimit})
	if err != nil {
		return nil
	}
	offers := make([]cobra.Completion, 0, len(listed)+1)
	for _, m := range listed {
		offers = append(offers, cobra.CompletionWithDesc(k.ID(m), output.Clean(k.Name(m))))
	}
	return append(offers, cobra.CompletionWithDesc(kind.Last, "the newest"))
}
