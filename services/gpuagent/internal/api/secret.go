package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/secret"
)

// secrets implements SecretService.
type secrets struct {
	gpuagentv1.UnimplementedSecretServiceServer
	vault *secret.Vault
}

// CreateSecret implements SecretService.
func (s *secrets) CreateSecret(ctx context.Context, r *gpuagentv1.CreateSecretRequest) (*gpuagentv1.Secret, error) {
	if r.GetDryRun() {
		return s.vault.TryCreate(ctx, r.GetSecret())
	}
	return s.vault.Create(ctx, r.GetSecret())
}

// GetSecret implements SecretService.
func (s *secrets) GetSecret(ctx context.Context, r *gpuagentv1.GetSecretRequest) (*gpuagentv1.Secret, error) {
	return s.vault.Get(ctx, r.GetNamespace(), r.GetName())
}

// ListSecrets implements SecretService.
func (s *secrets) ListSecrets(ctx context.Context, r *gpuagentv1.ListSecretsRequest) (*gpuagentv1.ListSecretsResponse, error) {
	all, err := s.vault.List(ctx, r.GetNamespace())
	if err != nil {
		return nil, err
	}
	return &gpuagentv1.ListSecretsResponse{Secrets: all}, nil
}

// UpdateSecret implements SecretService.
func (s *secrets) UpdateSecret(ctx context.Context, r *gpuagentv1.UpdateSecretRequest) (*gpuagentv1.Secret, error) {
	if r.GetDryRun() {
		return s.vault.TryUpdate(ctx, r.GetSecret())
	}
	return s.vault.Update(ctx, r.GetSecret())
}

// DeleteSecret implements SecretService.
func (s *secrets) DeleteSecret(ctx context.Context, r *gpuagentv1.DeleteSecretRequest) (*emptypb.Empty, error) {
	if err := s.vault.Delete(ctx, r.GetNamespace(), r.GetName()); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}
