package output

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

func TestDuration(t *testing.T) {
	tests := []struct {
		span time.Duration
		want string
	}{
		{-time.Second, "0.00s"},
		{0, "0.00s"},
		{84 * time.Millisecond, "0.08s"},
		{9994 * time.Millisecond, "9.99s"},
		{9996 * time.Millisecond, "10.0s"},
		{59940 * time.Millisecond, "59.9s"},
		{59960 * time.Millisecond, "1m00s"},
		{3*time.Minute + 20*time.Second, "3m20s"},
		{time.Hour - 400*time.Millisecond, "1h00m"},
		{62 * time.Minute, "1h02m"},
		{51 * time.Hour, "2d03h"},
	}
	for _, tt := range tests {
		if got := Duration(tt.span); got != tt.want {
			t.Errorf("Duration(%s) = %q, want %q", tt.span, got, tt.want)
		}
	}
}

func TestAge(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		age  time.Duration
		want string
	}{
		{-time.Minute, "0s"}, // the server's clock is ahead
		{300 * time.Millisecond, "0s"},
		{119 * time.Second, "119s"},
		{2 * time.Minute, "2m"},
		{119 * time.Minute, "119m"},
		{47 * time.Hour, "47h"},
		{49 * time.Hour, "2d"},
	}
	for _, tt := range tests {
		if got := Age(timestamppb.New(now.Add(-tt.age)), now); got != tt.want {
			t.Errorf("age of %s = %q, want %q", tt.age, got, tt.want)
		}
	}
}

func TestUnsetTimesHaveNoAge(t *testing.T) {
	now := time.Now()
	for _, unset := range []*timestamppb.Timestamp{nil, {}} {
		if got := Age(unset, now) + Elapsed(unset, nil, now) + Moment(unset, now); got != "---" {
			t.Errorf("%v is shown as %q", unset, got)
		}
	}
	start := timestamppb.New(now.Add(-3 * time.Second))
	if got := Elapsed(start, &timestamppb.Timestamp{}, now); got != "3.00s" {
		t.Errorf("what has not finished took %q", got)
	}
}

func TestShortID(t *testing.T) {
	if got := ShortID("9f2a1c3e-0000-4000-8000-000000000001"); got != "9f2a1c3e" {
		t.Errorf("a UUID is shortened to %q", got)
	}
	if got := ShortID("my-workload"); got != "my-workload" {
		t.Errorf("a name is shortened to %q", got)
	}
}
