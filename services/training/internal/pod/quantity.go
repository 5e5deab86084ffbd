package pod

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// suffixes are the units of a Kubernetes quantity, longest first where one is the
// end of another.
var suffixes = []struct {
	name   string
	factor float64
}{
	{"Ki", 1 << 10},
	{"Mi", 1 << 20},
	{"Gi", 1 << 30},
	{"Ti", 1 << 40},
	{"Pi", 1 << 50},
	{"Ei", 1 << 60},
	{"n", 1e-9},
	{"u", 1e-6},
	{"m", 1e-3},
	{"k", 1e3},
	{"M", 1e6},
	{"G", 1e9},
	{"T", 1e12},
	{"P", 1e15},
	{"E", 1e18},
}

// quantity is the form of one, as schemas have it.
var quantity = regexp.MustCompile(`^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$`)

// Quantity reads a Kubernetes quantity such as "500m", "2Gi" or "1e3" and returns
// it times scale, rounded up as Kubernetes does, and whether it is one.
func Quantity(text string, scale float64) (int64, bool) {
	number, factor := text, 1.0
	for _, s := range suffixes {
		if rest, found := strings.CutSuffix(text, s.name); found {
			number, factor = rest, s.factor
			break
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	amount := math.Ceil(f * factor * scale)
	if err != nil || !quantity.MatchString(text) || f < 0 || amount >= math.MaxInt64 {
		return 0, false
	}
	return int64(amount), true
}
