package launch

import "testing"

func TestRoot(t *testing.T) {
	for _, test := range []struct{ asked, fallback, own, want string }{
		{"", "", "/data/artifacts/", "/data/artifacts"},
		{"/mine/", "gs://x", "/data", "/mine"},
		{"s3://b/x", "", "/data", "s3://b/x"},
		{"", "gs://your-bucket/x", "/data", "/data"},
		{"", "dummy_root", "/data", "/data"},
		{"", "s3://other/x", "s3://b/artifacts", "s3://other/x"},
		{"", "/shared", "/data", "/shared"},
	} {
		if got := Root(test.asked, test.fallback, test.own); got != test.want {
			t.Errorf("Root(%q, %q, %q) is %q; want %q", test.asked, test.fallback, test.own, got, test.want)
		}
	}
}
