package runtime

import "testing"

func TestWithNames(t *testing.T) {
	t.Parallel()
	const file = "# names\n127.0.0.1 localhost\n127.0.1.1\tbox.lan box # set by the installer\n127.0.1.1 box\n\n::1 ip6-localhost"
	more := []Host{{IP: "10.0.0.2", Names: []string{"box"}}, {IP: "10.0.0.3", Names: []string{"job-worker-0", "job-worker-0.default"}}}
	want := "# names\n127.0.0.1 localhost\n127.0.1.1 box.lan # set by the installer\n\n::1 ip6-localhost\n" +
		"10.0.0.2\tbox\n10.0.0.3\tjob-worker-0 job-worker-0.default\n"
	if got := withNames(file, more); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := withNames("", more[1:]); got != "10.0.0.3\tjob-worker-0 job-worker-0.default\n" {
		t.Errorf("without a file of its own: %q", got)
	}
}
