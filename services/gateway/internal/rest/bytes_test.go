package rest

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

func TestAnswersDoNotRepeatBytes(t *testing.T) {
	err := protojson.Unmarshal([]byte(`{"data": {"k": "hunter2!\n"}}`), &gpuagentv1.Secret{})
	if err == nil || !strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("the codec says %v: there is nothing to take out", err)
	}
	got := withoutBytes(status.New(codes.InvalidArgument, err.Error()))
	if got.Code() != codes.InvalidArgument || strings.Contains(got.Message(), "hunter2") || !strings.HasSuffix(got.Message(), ": want base64") {
		t.Errorf("got %v", got)
	}
	if other := status.New(codes.NotFound, "no"); withoutBytes(other) != other {
		t.Error("another error is changed")
	}
}
