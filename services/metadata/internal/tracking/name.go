package tracking

import (
	"crypto/rand"
	"encoding/hex"
	mathrand "math/rand/v2"
	"strconv"
)

// newID returns 32 random hexadecimal digits with the marks of a UUID of version
// 4, so that it is never one that is derived from another id.
func newID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // it never fails
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return hex.EncodeToString(id[:])
}

// madeUpName is a name for something that was given none, such as
// "brisk-heron-417".
func madeUpName() string {
	return qualities[mathrand.N(len(qualities))] + "-" + animals[mathrand.N(len(animals))] + "-" + strconv.Itoa(mathrand.N(1000))
}

// The words of names that are made up: at most 8 letters each, so that a name has
// at most 20.
var (
	qualities = [...]string{
		"agile", "amber", "bold", "brave", "breezy", "bright", "brisk", "calm", "candid", "clever", "copper", "cosmic",
		"crisp", "curious", "dapper", "daring", "dusky", "eager", "early", "earnest", "fabled", "fair", "fleet", "fond",
		"frosty", "gentle", "gilded", "glad", "golden", "grand", "hardy", "hasty", "hazel", "honest", "humble", "indigo",
		"ivory", "jolly", "keen", "kind", "lively", "loyal", "lucid", "lucky", "mellow", "merry", "mighty", "modest",
		"nimble", "noble", "patient", "placid", "plucky", "proud", "quick", "quiet", "rapid", "ready", "robust", "rosy",
		"royal", "rustic", "sandy", "serene", "sharp", "shiny", "silent", "silver", "sleek", "smooth", "snowy", "solid",
		"spry", "stately", "steady", "stellar", "stout", "sturdy", "subtle", "sunny", "swift", "tender", "tidy", "upbeat",
		"valiant", "velvet", "vivid", "warm", "wise", "witty", "zesty",
	}
	animals = [...]string{
		"badger", "beaver", "bison", "bobcat", "caribou", "cheetah", "cicada", "cobra", "condor", "coyote", "crane",
		"cricket", "curlew", "dingo", "dolphin", "eagle", "egret", "elk", "ermine", "falcon", "ferret", "finch", "fox",
		"gazelle", "gecko", "gibbon", "giraffe", "grouse", "gull", "hare", "hawk", "heron", "ibex", "iguana", "impala",
		"jackal", "jaguar", "kestrel", "kiwi", "koala", "lark", "lemur", "lion", "lizard", "llama", "lynx", "magpie",
		"manatee", "marmot", "marten", "moose", "newt", "ocelot", "orca", "osprey", "otter", "owl", "panda", "panther",
		"parrot", "pelican", "penguin", "plover", "puffin", "puma", "quail", "rabbit", "raven", "robin", "salmon",
		"seal", "shrew", "skink", "sparrow", "stork", "swan", "tapir", "tern", "thrush", "tiger", "toucan", "trout",
		"turtle", "viper", "walrus", "weasel", "whale", "wombat", "wren", "yak", "zebra",
	}
)
