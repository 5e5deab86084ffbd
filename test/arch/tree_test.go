package arch

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the repository's root, seen from this package's folder.
const root = "../.."

func load(t *testing.T) []Listed {
	t.Helper()
	listed, err := Load(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	return listed
}

func TestImports(t *testing.T) {
	listed := load(t)
	packages := make([]Package, 0, len(listed))
	for _, pkg := range listed {
		packages = append(packages, pkg.Package())
	}
	for _, violation := range KfmeshRules().Check(packages) {
		t.Error(violation)
	}
}

// TestEveryPackageIsDocumented asks for a package comment that says more than
// the package's name.
func TestEveryPackageIsDocumented(t *testing.T) {
	const fewestWords = 6
	for _, pkg := range load(t) {
		generated := strings.HasPrefix(pkg.Path(), "gen/")
		onlyTests := len(pkg.GoFiles) == 0
		if !generated && !onlyTests && len(strings.Fields(pkg.Doc)) < fewestWords {
			t.Errorf("%s has no package doc: say what it is for and what always holds, in doc.go or the file named after it", pkg.Path())
		}
	}
}

func TestPackagesAreNamedAfterNouns(t *testing.T) {
	vague := []string{"util", "utils", "common", "helper", "helpers", "base", "types", "shared", "misc", "lib", "pkg", "core"}
	for _, pkg := range load(t) {
		if slices.Contains(vague, pkg.Name) || slices.Contains(vague, filepath.Base(pkg.Path())) {
			t.Errorf("%s: %q says nothing of what is inside; name the thing", pkg.Path(), pkg.Name)
		}
	}
}

// TestMainsAreSmall keeps wiring out of the services' mains, so that every
// binary starts, serves and stops in the same way.
func TestMainsAreSmall(t *testing.T) {
	const most = 20
	for _, pkg := range load(t) {
		service := pkg.Name == "main" && strings.HasPrefix(pkg.Path(), "cmd/") && !strings.HasPrefix(pkg.Path(), "cmd/kfmesh")
		if !service {
			continue
		}
		for _, file := range pkg.GoFiles {
			content, err := os.ReadFile(filepath.Join(pkg.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			if lines := bytes.Count(content, []byte("\n")); lines > most {
				t.Errorf("%s/%s has %d lines, more than %d: what it does belongs to internal/app or internal/platform", pkg.Path(), file, lines, most)
			}
		}
	}
}

// TestNoMachinesPaths refuses absolute paths into somebody's home or checkout:
// what works only on one machine does not work.
func TestNoMachinesPaths(t *testing.T) {
	machine := regexp.MustCompile(`(^|[\s"'=:(\x60])/(root|home/[a-z]+|Users/[A-Za-z]+|work|workspace)/`)
	out, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files", "-z").Output()
	if err != nil {
		t.Skipf("not a git checkout: %v", err)
	}
	for _, file := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			continue // deleted in the working tree, or a link to nowhere
		}
		for i, line := range bytes.Split(content, []byte("\n")) {
			if found := machine.Find(line); found != nil {
				t.Errorf("%s:%d names a path of one machine: %q", file, i+1, found)
			}
		}
	}
}
