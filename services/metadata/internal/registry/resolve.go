package registry

import (
	"context"
	"strings"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// Resolve finds where the content of the version is that a URI names.
func (r *Registry) Resolve(ctx context.Context, request *metadatav1.ResolveModelRequest) (*metadatav1.ResolveModelResponse, error) {
	return read(ctx, r, func(tx *sqlstore.Tx) (*metadatav1.ResolveModelResponse, error) {
		namespace, uri := namespaceOf(request), request.GetUri()
		switch {
		case strings.HasPrefix(uri, registryScheme):
			v, err := resolveRegistryURI(ctx, tx, namespace, uri)
			if err != nil {
				return nil, err
			}
			return resolved(ctx, tx, v)
		case strings.HasPrefix(uri, "models:"):
			return resolveModelURI(ctx, tx, namespace, uri)
		}
		return nil, fault.Invalidf("uri", "%q is not the URI of a model; want model-registry://NAME[/VERSION], models:/NAME/VERSION,"+
			" models:/NAME@ALIAS or models:/ID", uri)
	})
}

func resolveRegistryURI(ctx context.Context, tx *sqlstore.Tx, namespace, uri string) (*metadatav1.ModelVersion, error) {
	candidates, err := parseRegistryURI(uri)
	if err != nil {
		return nil, err
	}
	for _, candidate := range candidates {
		if v, err := candidate.find(ctx, tx, namespace); err != nil || v != nil {
			return v, err
		}
	}
	return nil, fault.NotFoundf("Registered Model with name=%s not found", candidates[0].model)
}

func resolveModelURI(ctx context.Context, tx *sqlstore.Tx, namespace, uri string) (*metadatav1.ResolveModelResponse, error) {
	named, err := parseModelURI(uri)
	if err != nil {
		return nil, err
	}
	if named.loggedModel == "" {
		v, err := named.find(ctx, tx, namespace)
		if err != nil {
			return nil, err
		}
		return resolved(ctx, tx, v)
	}
	place, run, err := loggedModel(ctx, tx, namespace, named.loggedModel)
	if err != nil {
		return nil, err
	}
	v, err := versionWhere(ctx, tx, "v.namespace = ? AND v.logged_model_id = ? ORDER BY v.id DESC LIMIT 1", namespace, named.loggedModel)
	return &metadatav1.ResolveModelResponse{ArtifactUri: place, RunId: run, Version: v}, err
}

// resolved is what is to be known of a version to load it.
func resolved(ctx context.Context, tx *sqlstore.Tx, v *metadatav1.ModelVersion) (*metadatav1.ResolveModelResponse, error) {
	items, err := readItems(ctx, tx, sqlstore.Q(selectItems+" WHERE version_id = ? AND kind = ? ORDER BY id DESC",
		v.GetId(), metadatav1.RegistryItem_KIND_MODEL_ARTIFACT))
	if err != nil {
		return nil, err
	}
	answer := &metadatav1.ResolveModelResponse{ArtifactUri: v.GetArtifactUri(), Version: v, RunId: v.GetRunId()}
	for _, item := range items {
		if answer.Artifact == nil || item.GetFields()["uri"] == v.GetArtifactUri() {
			answer.Artifact = item
		}
	}
	if answer.GetArtifactUri() == "" {
		return nil, fault.Preconditionf("version %s of model %s has no artifact: register one with a URI", v.GetName(), v.GetModelName())
	}
	return answer, nil
}
