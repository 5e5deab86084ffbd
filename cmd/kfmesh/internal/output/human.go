package output

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const day = 24 * time.Hour

// Age is the time from t to now in its two largest units: "3m", "2h", "5d".
// It is "-" for a time that is unset; KFP writes unset as 1970.
func Age(t *timestamppb.Timestamp, now time.Time) string {
	if !IsSet(t) {
		return "-"
	}
	return coarse(now.Sub(t.AsTime()))
}

// Until is the time from now to t in its largest unit, "now" when t has come, or
// "-" when it is unset.
func Until(t *timestamppb.Timestamp, now time.Time) string {
	switch {
	case !IsSet(t):
		return "-"
	case !t.AsTime().After(now):
		return "now"
	}
	return "in " + coarse(t.AsTime().Sub(now))
}

// IsSet reports whether a time means something: KFP writes "not yet" as 1970.
func IsSet(t *timestamppb.Timestamp) bool {
	return t != nil && t.AsTime().Unix() > 0
}

// Elapsed is the time from start to finish, or to now while it has not
// finished, or "-" when it has not started.
func Elapsed(start, finish *timestamppb.Timestamp, now time.Time) string {
	if !IsSet(start) {
		return "-"
	}
	if IsSet(finish) {
		now = finish.AsTime()
	}
	return Duration(now.Sub(start.AsTime()))
}

// Duration is a time span as precise as it is short: "0.08s", "12.3s",
// "3m20s", "1h02m", "2d03h".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0.00s"
	case d < 9995*time.Millisecond:
		return fmt.Sprintf("%.2fs", d.Seconds())
	case d < 59950*time.Millisecond:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	d = d.Round(time.Second)
	switch {
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/day, d%day/time.Hour)
}

// coarse is a time span in one unit, for ages in tables.
func coarse(d time.Duration) string {
	switch {
	case d < time.Second:
		return "0s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/day)
}

// Clock is a time of day where the reader is, whose clock says now.
func Clock(t, now time.Time) string { return t.In(now.Location()).Format("15:04:05") }

// Moment is a date and time with its age, or how far ahead it is, for descriptions, where the reader is.
func Moment(t *timestamppb.Timestamp, now time.Time) string {
	if !IsSet(t) {
		return "-"
	}
	moment := t.AsTime().In(now.Location()).Format("2006-01-02 15:04:05")
	if t.AsTime().After(now) {
		return moment + " (" + Until(t, now) + ")"
	}
	return moment + " (" + Age(t, now) + " ago)"
}

// Bytes is a size in binary units, "3.1 GiB", or "-" for one that is unknown.
func Bytes(n int64) string {
	if n <= 0 {
		return "-"
	}
	return humanize.IBytes(uint64(n))
}

// Count is a number with its noun: "1 run", "3 runs".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Clip shortens text to width runes, the last of them an ellipsis.
func Clip(text string, width int) string {
	if width <= 0 || utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width-1]) + "…"
}

// ShortID is the part of an id that people read: the first eight characters of
// a UUID, and the whole of anything shorter than one.
func ShortID(id string) string {
	const uuidLength, shown = 36, 8
	if len(id) == uuidLength {
		return id[:shown]
	}
	return id
}
