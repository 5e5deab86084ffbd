package agent

import (
	"slices"
	"testing"
)

// TestOnlyPagesOfTheProgramThatWereNeverWrittenAreGivenBack.
func TestOnlyPagesOfTheProgramThatWereNeverWrittenAreGivenBack(t *testing.T) {
	const smaps = `00400000-02000000 r-xp 00000000 08:01 11 /bin/kfmesh
Rss:                 400 kB
Anonymous:             0 kB
02000000-03000000 r--p 01c00000 08:01 11 /bin/kfmesh
Anonymous:             8 kB
03000000-04000000 r--p 02c00000 08:01 11 /bin/kfmesh
Anonymous:             0 kB
04000000-05000000 rw-p 03c00000 08:01 11 /bin/kfmesh
Anonymous:             0 kB
c000000000-c000400000 rw-p 00000000 00:00 0
Anonymous:           400 kB
7f0000000000-7f0000001000 r-xp 00000000 08:01 12 /lib/libc.so.6
Anonymous:             0 kB
7f0000002000-7f0000003000 r--p 00000000 00:00 0 [vvar]
Anonymous:             0 kB
`
	want := []mapping{{0x400000, 0x2000000}, {0x3000000, 0x4000000}}
	if got := clean(smaps, "/bin/kfmesh"); !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("00400000-02000000 r-xp 0 08:01 11 /p\nAnonymous: 0 kB\n")
	f.Fuzz(func(_ *testing.T, text string) { clean(text, "/p") })
}
