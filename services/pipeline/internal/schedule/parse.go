package schedule

import (
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// parser reads what KFP's reads: five or six fields, the first of them seconds,
// the day of the week last and optional, or a descriptor such as "@daily".
var parser = cron.NewParser(cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.DowOptional | cron.Descriptor)

// maxIntervalSeconds bounds an interval, so that times can be computed: 100 years.
const maxIntervalSeconds = 100 * 365 * 24 * 60 * 60

// Parse reads a trigger. Errors are fault.Invalid with a path below "trigger".
func Parse(trigger *pipelinev1.Trigger) (Schedule, error) {
	switch t := trigger.GetTrigger().(type) {
	case *pipelinev1.Trigger_CronSchedule:
		times, err := parseCron(t.CronSchedule.GetCron())
		if err != nil {
			return Schedule{}, err
		}
		return bounded("trigger.cron_schedule", times, t.CronSchedule.GetStartTime(), t.CronSchedule.GetEndTime())
	case *pipelinev1.Trigger_PeriodicSchedule:
		times, err := parseInterval(t.PeriodicSchedule.GetIntervalSecond())
		if err != nil {
			return Schedule{}, err
		}
		return bounded("trigger.periodic_schedule", times, t.PeriodicSchedule.GetStartTime(), t.PeriodicSchedule.GetEndTime())
	default:
		return Schedule{}, fault.Invalidf("trigger", "is missing; want a cron_schedule or a periodic_schedule")
	}
}

// parseCron reads an expression. "@every 90s" is an interval.
func parseCron(text string) (rule, error) {
	const field = "trigger.cron_schedule.cron"
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, fault.Invalidf(field, `is missing; want six fields, seconds first, such as "0 30 9 * * 1-5"`)
	}
	if zone, _, fields := strings.Cut(text, " "); strings.Contains(zone, "TZ=") && !fields {
		return nil, fault.Invalidf(field, "%q names a time zone and no times; want fields after it", text)
	}
	parsed, err := parser.Parse(text)
	if err != nil {
		return nil, fault.Invalidf(field, `%q is not a cron expression: %v; want six fields, seconds first, such as "0 30 9 * * 1-5", or a descriptor such as "@daily"`,
			text, err)
	}
	if every, ok := parsed.(cron.ConstantDelaySchedule); ok {
		return interval(every.Delay), nil
	}
	return expression{parsed}, nil
}

func parseInterval(seconds int64) (rule, error) {
	if seconds < 1 || seconds > maxIntervalSeconds {
		return nil, fault.Invalidf("trigger.periodic_schedule.interval_second", "is %d; want 1 to %d", seconds, maxIntervalSeconds)
	}
	return interval(time.Duration(seconds) * time.Second), nil
}

// bounded is a rule between two times, either of which may be absent.
func bounded(path string, times rule, start, end *timestamppb.Timestamp) (Schedule, error) {
	s := Schedule{times: times}
	if start != nil {
		if start.CheckValid() != nil || start.GetSeconds() < 0 {
			return Schedule{}, fault.Invalidf(path+".start_time", "is not a time since 1970; want such as 2026-01-31T09:00:00Z")
		}
		s.start = start.AsTime().Truncate(time.Second)
	}
	if end != nil {
		if end.CheckValid() != nil {
			return Schedule{}, fault.Invalidf(path+".end_time", "is not a time; want such as 2026-01-31T09:00:00Z")
		}
		s.end = end.AsTime()
	}
	if start != nil && end != nil && !s.end.After(s.start) {
		return Schedule{}, fault.Invalidf(path+".end_time", "%s is not after start_time, %s", s.end.Format(time.RFC3339), s.start.Format(time.RFC3339))
	}
	return s, nil
}
