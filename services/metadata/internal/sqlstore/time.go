package sqlstore

import (
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// The times that a column can hold, about 1677 to 2262.
var (
	minTime = time.Unix(0, math.MinInt64).UTC()
	maxTime = time.Unix(0, math.MaxInt64).UTC()
)

// Nanos is how a time is stored: nanoseconds since 1970, and 0 for a missing
// one. A time out of range becomes the nearest in range, which is what a
// comparison with it needs.
func Nanos(ts *timestamppb.Timestamp) int64 {
	switch t := ts.AsTime(); {
	case t.Before(minTime):
		return math.MinInt64
	case t.After(maxTime):
		return math.MaxInt64
	default:
		return t.UnixNano()
	}
}

// Time undoes Nanos: 0 is a missing time.
func Time(nanos int64) *timestamppb.Timestamp {
	if nanos == 0 {
		return nil
	}
	return timestamppb.New(time.Unix(0, nanos))
}

// CheckTime says why a time cannot be stored as it is, or returns "".
func CheckTime(ts *timestamppb.Timestamp) string {
	if ts == nil {
		return ""
	}
	if t := ts.AsTime(); !ts.IsValid() || t.Before(minTime) || t.After(maxTime) {
		return fmt.Sprintf("is out of range; want a time from %s to %s", minTime.Format(time.DateOnly), maxTime.Format(time.DateOnly))
	}
	return ""
}
