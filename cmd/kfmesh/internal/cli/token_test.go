package cli

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	meshv1 "github.com/kfmesh/kfmesh/gen/kfmesh/mesh/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// fakeTokens is a TokenService that remembers what it was asked.
type fakeTokens struct {
	meshv1.UnimplementedTokenServiceServer
	asked []proto.Message
}

func (f *fakeTokens) CreateToken(_ context.Context, r *meshv1.CreateTokenRequest) (*meshv1.CreateTokenResponse, error) {
	f.asked = append(f.asked, r)
	return &meshv1.CreateTokenResponse{
		Token: &meshv1.Token{
			Id: "4c8kq1z0", Node: r.GetNode(), Uses: r.GetUses(), CreateTime: timestamppb.New(now), ExpireTime: timestamppb.New(now.Add(r.GetTtl().AsDuration())),
		},
		Secret: "4c8kq1z0.secret.fingerprint", Addresses: []string{"192.0.2.1:9443", "127.0.0.1:9443"},
	}, nil
}

func (f *fakeTokens) ListTokens(context.Context, *meshv1.ListTokensRequest) (*meshv1.ListTokensResponse, error) {
	return &meshv1.ListTokensResponse{Tokens: []*meshv1.Token{
		{Id: "4c8kq1z0", Uses: 3, Joined: []string{"a", "b"}, CreateTime: ago(time.Hour), ExpireTime: ago(-23 * time.Hour)},
		{Id: "0000aaaa", Node: "gpu-7", Uses: 1, CreateTime: ago(30 * time.Hour), ExpireTime: ago(6 * time.Hour)},
	}}, nil
}

func (f *fakeTokens) DeleteToken(_ context.Context, r *meshv1.DeleteTokenRequest) (*meshv1.DeleteTokenResponse, error) {
	f.asked = append(f.asked, r)
	return &meshv1.DeleteTokenResponse{}, nil
}

func (f *fakeTokens) DeleteMember(_ context.Context, r *meshv1.DeleteMemberRequest) (*meshv1.DeleteMemberResponse, error) {
	f.asked = append(f.asked, r)
	if r.GetNode() != "gpu-7" {
		return nil, fault.NotFoundf("no node %s has joined", r.GetNode())
	}
	return &meshv1.DeleteMemberResponse{}, nil
}

func TestTokens(t *testing.T) {
	for _, tt := range []struct {
		args   string
		status int
		want   proto.Message // that is asked for, if anything
		out    string        // that is printed, in whole or in part
		says   string        // of the error
	}{
		{
			args: "token create --node gpu-7 --ttl 1h", want: &meshv1.CreateTokenRequest{Ttl: durationpb.New(time.Hour), Node: "gpu-7", Uses: 1},
			out: "  kfmesh agent --join 192.0.2.1:9443 --node-name gpu-7 --token 4c8kq1z0.secret.fingerprint\n",
		},
		{
			args: "token create --uses 3 -q", want: &meshv1.CreateTokenRequest{Ttl: durationpb.New(24 * time.Hour), Uses: 3},
			out: "4c8kq1z0.secret.fingerprint\n",
		},
		{args: "token create --ttl 0s", status: exitUsage, says: "--ttl"},
		{args: "token create --uses 0", status: exitUsage, says: "--uses"},
		{args: "token list", out: "4c8kq1z0   any     2/3    60m   in 23h    a,b\n0000aaaa   gpu-7   0/1    30h   expired\n"},
		{args: "token delete 4c8kq1z0.secret.x", want: &meshv1.DeleteTokenRequest{Id: "4c8kq1z0.secret.x"}, out: "deleted token 4c8kq1z0\n"},
		{args: "token expel gpu-7", want: &meshv1.DeleteMemberRequest{Node: "gpu-7"}, out: "put out node gpu-7\n"},
		{args: "token expel x", status: exitFailed, want: &meshv1.DeleteMemberRequest{Node: "x"}, says: "no node x has joined"},
		{args: "agent --join nonsense", status: exitUsage, says: "join: is \"nonsense\"; want host:port"},
		{args: "agent --token nonsense", status: exitUsage, says: "kfmesh token create"},
		{args: "agent --listen nonsense", status: exitUsage, says: "listen"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			tokens := &fakeTokens{}
			r := invoke(t, &fake{tokens: tokens}, strings.Fields(tt.args)...)
			if r.status != tt.status || !strings.Contains(r.out, tt.out) || !strings.Contains(r.err, tt.says) {
				t.Errorf("status %d, output %q, error %q", r.status, r.out, r.err)
			}
			if tt.want == nil && len(tokens.asked) > 0 || tt.want != nil && (len(tokens.asked) != 1 || !proto.Equal(tokens.asked[0], tt.want)) {
				t.Errorf("asked for %v, want %v", tokens.asked, tt.want)
			}
		})
	}
}
