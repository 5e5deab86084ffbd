package rest

import (
	"regexp"

	"google.golang.org/grpc/status"
)

// badBytes is how the JSON codec says that a value is not base64. It quotes the
// value, which may be one that was meant to be a secret's.
var badBytes = regexp.MustCompile(`(?s)(invalid value for bytes field \S+):.*`)

// withoutBytes takes such a value out of an answer and says what would be right.
func withoutBytes(s *status.Status) *status.Status {
	if !badBytes.MatchString(s.Message()) {
		return s
	}
	p := s.Proto()
	p.Message = badBytes.ReplaceAllString(p.GetMessage(), "$1: want base64")
	return status.FromProto(p)
}
