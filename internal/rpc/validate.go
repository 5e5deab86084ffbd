package rpc

import (
	"context"
	"errors"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Validate returns fault.Invalid with the path of every field that breaks a
// rule of the message's proto.
func Validate(message proto.Message) error {
	err := protovalidate.Validate(message)
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		return fault.Internalf(err, "the rules of %s cannot be applied", message.ProtoReflect().Descriptor().FullName())
	}
	violations := make([]fault.Violation, 0, len(invalid.Violations))
	for _, v := range invalid.Violations {
		violations = append(violations, fault.Violation{
			Field:  protovalidate.FieldPathString(v.Proto.GetField()),
			Reason: v.Proto.GetMessage(),
		})
	}
	return fault.InvalidAll(violations)
}

func validateUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if message, ok := req.(proto.Message); ok {
		if err := Validate(message); err != nil {
			return nil, err
		}
	}
	return handler(ctx, req)
}

func validateStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return handler(srv, validating{stream})
}

// validating checks every message that comes in.
type validating struct{ grpc.ServerStream }

func (v validating) RecvMsg(m any) error {
	if err := v.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	if message, ok := m.(proto.Message); ok {
		return Validate(message)
	}
	return nil
}
