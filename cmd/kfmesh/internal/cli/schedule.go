package cli

import (
	"strings"
	"time"

	"github.com/spf13/pflag"
	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// scheduleOptions are the flags that say when.
type scheduleOptions struct {
	cron  string
	every time.Duration
	start string
	end   string
}

func (o *scheduleOptions) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&o.cron, "cron", "", "cron `expression`, seconds first, such as \"0 30 9 * * 1-5\", or @daily")
	flags.DurationVar(&o.every, "every", 0, "interval, such as 90s, 10m or 24h")
	flags.StringVar(&o.start, "start", "", "`time` before which there is no run, such as 2026-01-31T09:00:00Z; one in the past is caught up with")
	flags.StringVar(&o.end, "end", "", "`time` after which there is no run")
}

// trigger is the trigger that the flags ask for.
func (o *scheduleOptions) trigger() (*pipelinev1.Trigger, error) {
	if (o.cron == "") == (o.every == 0) {
		return nil, fault.Invalidf("--cron", "say when: give --cron or --every, and not both")
	}
	start, err := parseTime("--start", o.start)
	if err != nil {
		return nil, err
	}
	end, err := parseTime("--end", o.end)
	if err != nil {
		return nil, err
	}
	if o.cron != "" {
		if err := checkFields(o.cron); err != nil {
			return nil, err
		}
		return &pipelinev1.Trigger{Trigger: &pipelinev1.Trigger_CronSchedule{
			CronSchedule: &pipelinev1.CronSchedule{Cron: o.cron, StartTime: start, EndTime: end},
		}}, nil
	}
	if o.every < time.Second || o.every%time.Second != 0 {
		return nil, fault.Invalidf("--every", "is %s; give whole seconds, at least 1s", o.every)
	}
	return &pipelinev1.Trigger{Trigger: &pipelinev1.Trigger_PeriodicSchedule{
		PeriodicSchedule: &pipelinev1.PeriodicSchedule{IntervalSecond: int64(o.every / time.Second), StartTime: start, EndTime: end},
	}}, nil
}

// checkFields refuses an expression of five fields. The server would take it, as
// KFP does, with the first for seconds; who writes it means minutes.
func checkFields(cron string) error {
	fields := strings.Fields(cron)
	if len(fields) > 0 && strings.Contains(fields[0], "TZ=") {
		fields = fields[1:]
	}
	if len(fields) == 5 {
		return fault.Invalidf("--cron", "%q has five fields, and seconds come first here; for second 0 write %q", cron, "0 "+strings.Join(fields, " "))
	}
	return nil
}

func parseTime(flag, text string) (*timestamppb.Timestamp, error) {
	if text == "" {
		return nil, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, fault.Invalidf(flag, "%q is not a time; write it as 2026-01-31T09:00:00Z or 2026-01-31T09:00:00+01:00", text)
	}
	return timestamppb.New(t), nil
}
