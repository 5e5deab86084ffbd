package schedule

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// at reads a time of a day in UTC, or a whole time.
func at(t testing.TB, text string) time.Time {
	t.Helper()
	if text == "" {
		return time.Time{}
	}
	if !strings.Contains(text, "T") {
		text = "2026-03-02T" + text + "Z" // a Monday
	}
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func cronTrigger(text string, start, end time.Time) *pipelinev1.Trigger {
	return &pipelinev1.Trigger{Trigger: &pipelinev1.Trigger_CronSchedule{
		CronSchedule: &pipelinev1.CronSchedule{Cron: text, StartTime: stamp(start), EndTime: stamp(end)},
	}}
}

func periodicTrigger(seconds int64, start, end time.Time) *pipelinev1.Trigger {
	return &pipelinev1.Trigger{Trigger: &pipelinev1.Trigger_PeriodicSchedule{
		PeriodicSchedule: &pipelinev1.PeriodicSchedule{IntervalSecond: seconds, StartTime: stamp(start), EndTime: stamp(end)},
	}}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cron       string
		seconds    int64 // of an interval, instead of cron
		start, end string
		after, now string
		next, last string // empty for none
	}{
		"seconds come first":         {cron: "30 * * * * *", after: "10:00:00", now: "10:02:29", next: "10:00:30", last: "10:01:30"},
		"steps":                      {cron: "*/20 0 * * * *", after: "10:00:20", now: "11:30:00", next: "10:00:40", last: "11:00:40"},
		"five fields leave out days": {cron: "0 0 12 * *", after: "10:00:00", now: "13:00:00", next: "12:00:00", last: "12:00:00"},
		"question mark":              {cron: "0 0 9 ? * 2-6", after: "10:00:00", now: "10:00:00", next: "2026-03-03T09:00:00Z"},
		"names of days":              {cron: "0 0 9 * * WED", after: "10:00:00", now: "10:00:00", next: "2026-03-04T09:00:00Z"},
		"descriptor":                 {cron: "@hourly", after: "10:00:00", now: "12:59:59", next: "11:00:00", last: "12:00:00"},
		"every":                      {cron: "@every 90s", after: "10:00:00", now: "10:04:00", next: "10:01:30", last: "10:03:00"},
		"time zone":                  {cron: "TZ=Asia/Tokyo 0 0 9 * * *", after: "10:00:00", now: "10:00:00", next: "2026-03-03T00:00:00Z"},
		"never":                      {cron: "0 0 0 30 2 *", after: "10:00:00", now: "2030-01-01T00:00:00Z"},
		"nothing is due":             {cron: "0 0 12 * * *", after: "10:00:00", now: "11:59:59", next: "12:00:00"},
		"due this very second":       {cron: "0 0 12 * * *", after: "10:00:00", now: "12:00:00", next: "12:00:00", last: "12:00:00"},
		"asked at a time itself":     {cron: "0 0 12 * * *", after: "12:00:00", now: "12:00:00", next: "2026-03-03T12:00:00Z"},
		"start":                      {cron: "@hourly", start: "12:00:00", after: "10:00:00", now: "15:00:00", next: "13:00:00", last: "15:00:00"},
		"end":                        {cron: "@hourly", end: "12:30:00", after: "10:00:00", now: "15:00:00", next: "11:00:00", last: "12:00:00"},
		"end is a time":              {cron: "@hourly", end: "12:00:00", after: "11:00:00", now: "15:00:00", next: "12:00:00", last: "12:00:00"},
		"after the end":              {cron: "@hourly", end: "12:00:00", after: "12:00:00", now: "15:00:00"},
		"a year of seconds":          {cron: "* * * * * *", after: "2025-03-02T10:00:00Z", now: "10:00:00", next: "2025-03-02T10:00:01Z", last: "10:00:00"},
		"interval":                   {seconds: 60, after: "10:00:00", now: "10:02:59", next: "10:01:00", last: "10:02:00"},
		"interval, not yet":          {seconds: 60, after: "10:00:00", now: "10:00:59", next: "10:01:00"},
		"interval from its start":    {seconds: 3600, start: "12:30:00", after: "10:00:00", now: "15:00:00", next: "13:30:00", last: "14:30:00"},
		"interval to its end":        {seconds: 3600, end: "10:59:59", after: "10:00:00", now: "15:00:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trigger := cronTrigger(test.cron, at(t, test.start), at(t, test.end))
			if test.seconds > 0 {
				trigger = periodicTrigger(test.seconds, at(t, test.start), at(t, test.end))
			}
			s, err := Parse(trigger)
			if err != nil {
				t.Fatal(err)
			}
			if next, ok := s.Next(at(t, test.after)); ok != (test.next != "") || ok && !next.Equal(at(t, test.next)) {
				t.Errorf("next is %v, %t; want %q", next, ok, test.next)
			}
			if last, ok := s.Last(at(t, test.after), at(t, test.now)); ok != (test.last != "") || ok && !last.Equal(at(t, test.last)) {
				t.Errorf("last is %v, %t; want %q", last, ok, test.last)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	none, noon := time.Time{}, at(t, "12:00:00")
	for name, test := range map[string]struct {
		trigger *pipelinev1.Trigger
		mention string
	}{
		"no trigger":        {nil, "trigger: is missing"},
		"empty trigger":     {&pipelinev1.Trigger{}, "trigger: is missing"},
		"empty cron":        {cronTrigger(" ", none, none), "trigger.cron_schedule.cron: is missing"},
		"words":             {cronTrigger("every day", none, none), `"every day" is not a cron expression`},
		"four fields":       {cronTrigger("* * * *", none, none), "seconds first"},
		"out of range":      {cronTrigger("0 61 * * * *", none, none), "61"},
		"zone alone":        {cronTrigger("TZ=UTC", none, none), "fields after it"},
		"other zone alone":  {cronTrigger("CRON_TZ=UTC", none, none), "fields after it"},
		"no such zone":      {cronTrigger("TZ=Moon/Crater 0 0 0 * * *", none, none), "Moon/Crater"},
		"no such name":      {cronTrigger("@fortnightly", none, none), "@fortnightly"},
		"interval of none":  {periodicTrigger(0, none, none), "interval_second: is 0"},
		"interval too long": {periodicTrigger(1<<40, none, none), "interval_second"},
		"ends as it begins": {periodicTrigger(60, noon, noon), "trigger.periodic_schedule.end_time"},
		"no time": {&pipelinev1.Trigger{Trigger: &pipelinev1.Trigger_CronSchedule{CronSchedule: &pipelinev1.CronSchedule{
			Cron: "@daily", StartTime: &timestamppb.Timestamp{Seconds: 1 << 60},
		}}}, "trigger.cron_schedule.start_time"},
	} {
		if _, err := Parse(test.trigger); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), test.mention) {
			t.Errorf("%s: got %v, want an invalid fault with %q", name, err, test.mention)
		}
	}
}

// FuzzCron checks that whatever is taken gives times in order, and that the last
// of those missed is one of them.
func FuzzCron(f *testing.F) {
	for _, text := range []string{
		"0 0 * * * *", "*/7 1-5 ,2 * * ?", "@every 1ns", "@midnight", "TZ=UTC", "CRON_TZ=Europe/Berlin 0 30 2 29 3 *", "TZ= * * * * * *", "0 0 0 31 2 *",
	} {
		f.Add(text, int64(86_400))
	}
	after := at(f, "10:00:00")
	f.Fuzz(func(t *testing.T, text string, ahead int64) {
		s, err := Parse(cronTrigger(text, time.Time{}, time.Time{}))
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("%q: got %v, want an invalid fault", text, err)
			}
			return
		}
		now := after.Add(time.Duration(ahead%100_000_000) * time.Second)
		next, ok := s.Next(after)
		if ok && !next.After(after) {
			t.Errorf("%q: %v comes after %v", text, next, after)
		}
		last, missed := s.Last(after, now)
		if missed != (ok && !next.After(now)) {
			t.Errorf("%q: next is %v, and by %v the last is %v, %t", text, next, now, last, missed)
		}
		if missed && (last.Before(next) || last.After(now)) {
			t.Errorf("%q: the last is %v, not from %v to %v", text, last, next, now)
		}
		if following, ok := s.Next(last); missed && ok && !following.After(now) {
			t.Errorf("%q: the last by %v is %v, but %v comes after it", text, now, last, following)
		}
	})
}

func ExampleSchedule_Last() {
	hourly, err := Parse(cronTrigger("@hourly", time.Time{}, time.Time{}))
	if err != nil {
		fmt.Println(err)
		return
	}
	asleep := time.Date(2026, 3, 2, 10, 30, 0, 0, time.UTC)
	last, _ := hourly.Last(asleep, asleep.Add(5*time.Hour))
	fmt.Println(last.Format(time.TimeOnly))
	// Output: 15:00:00
}
