package detect

import (
	"fmt"
	"time"
)

// byApplications are the XID errors that what runs on a GPU causes, and that say nothing
// against the GPU: as NVIDIA's catalogue of XID errors and its device plugin have them.
var byApplications = map[int32]bool{
	13:  true, // exception of the graphics engine
	31:  true, // memory page fault
	43:  true, // reset of a channel
	45:  true, // preemptive clean-up after another error
	68:  true, // exception of the video processor
	109: true, // timeout of a context switch
}

// xidNames says what some XID errors are.
var xidNames = map[int32]string{
	13: "an application's exception", 31: "an application's page fault", 43: "an application's channel was reset",
	48: "a memory error could not be corrected", 62: "its internal micro-controller halted", 63: "a row of memory is to be replaced",
	64: "a row of memory could not be marked for replacement", 74: "an NVLink failed", 79: "it has fallen off the bus",
	92: "many memory errors were corrected", 94: "a memory error was contained", 95: "a memory error was not contained",
	119: "its system processor does not answer", 120: "its system processor failed", 140: "a memory error was not recovered from",
}

// xidTrouble is what an XID error of a GPU means.
func xidTrouble(uuid string, xid int32, at time.Time) Trouble {
	t := Trouble{UUID: uuid, XID: xid}
	if byApplications[xid] {
		return t
	}
	name := xidNames[xid]
	if name == "" {
		name = "see NVIDIA's catalogue of XID errors"
	}
	t.Problem = fmt.Sprintf("XID %d at %s: %s", xid, at.UTC().Format("2006-01-02 15:04:05 MST"), name)
	return t
}
