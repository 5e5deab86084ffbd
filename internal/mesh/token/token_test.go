package token

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/identity"
)

func TestATokenIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for i := range 100 {
		made := New(identity.Fingerprint{byte(i), 2, 3})
		read, err := Parse(" " + made.Secret() + "\n")
		if err != nil || read != made || !read.Matches(made.Digest()) {
			t.Fatalf("%s: %v", made.Secret(), err)
		}
		if seen[made.ID] || seen[made.secret] {
			t.Error("two tokens share a part")
		}
		seen[made.ID], seen[made.secret] = true, true
		if New(made.Authority).Matches(made.Digest()) {
			t.Error("another secret matches")
		}
		for _, shown := range []string{made.String(), fmt.Sprint(made), fmt.Sprintf("%v %s", made, made)} {
			if strings.Contains(shown, made.secret) {
				t.Errorf("%q shows the secret", shown)
			}
		}
	}
}

func TestWhatIsNoToken(t *testing.T) {
	t.Parallel()
	good := New(identity.Fingerprint{}).Secret()
	parts := strings.Split(good, ".")
	for _, s := range []string{
		"", ".", "..", good + ".", good[1:], good[:len(good)-2], strings.ToUpper(good), "x" + good,
		parts[0] + "." + parts[1], parts[1] + "." + parts[0] + "." + parts[2], parts[0] + "." + parts[1] + "." + parts[2] + "00",
		strings.Replace(good, ".", "!", 1), parts[0] + "/" + "." + parts[1] + "." + parts[2],
	} {
		_, err := Parse(s)
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%q is a token: %v", s, err)
		}
		if err != nil && strings.Contains(err.Error(), parts[1]) {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
}

// FuzzParse: what is read as a token is written the same.
func FuzzParse(f *testing.F) {
	f.Add(New(identity.Fingerprint{}).Secret())
	f.Add("a.b.c")
	f.Add("..")
	f.Fuzz(func(t *testing.T, s string) {
		read, err := Parse(s)
		if err != nil {
			return
		}
		if read.Secret() != strings.TrimSpace(s) {
			t.Errorf("%q is read as %q", s, read.Secret())
		}
		if strings.ContainsAny(read.ID, "/. ") {
			t.Errorf("the id %q is no part of a key", read.ID)
		}
	})
}
