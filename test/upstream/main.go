package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/kubernetes/pkg/capabilities"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
	var o options
	flag.StringVar(&o.server, "server", "", "`URL` of a kfmesh")
	flag.StringVar(&o.corpus, "corpus", "", "`directory` of further manifests")
	flag.StringVar(&o.seeds, "seeds", "seeds", "`directory` of manifests that are changed in every way")
	flag.StringVar(&o.cases, "cases", "cases", "`directory` of manifests that are asked about as they are")
	flag.StringVar(&o.training, "training-operator", "", "`directory` of the training operator's source")
	flag.StringVar(&o.mpi, "mpi-operator", "", "`directory` of the MPI operator's source")
	flag.StringVar(&o.trainer, "trainer", "", "`directory` of Kubeflow Trainer's source")
	flag.StringVar(&o.only, "only", "", "part of the names of the cases to be tried")
	flag.BoolVar(&o.verbose, "v", false, "show every case that differs, the meant ones as well")
	flag.Parse()
	if err := run(context.Background(), o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "upstream:", err)
		os.Exit(1)
	}
}

type options struct {
	server, corpus, seeds, cases, training, mpi, trainer, only string
	verbose                                                    bool
}

var errDiffer = errors.New("answers differ that should not")

func run(ctx context.Context, o options, out io.Writer) error {
	w, cases, err := o.world(ctx)
	if err != nil {
		return err
	}
	ours := &kfmesh{url: strings.TrimSuffix(o.server, "/"), client: &http.Client{Timeout: time.Minute}}
	t := &tally{out: out, verbose: o.verbose}
	for _, m := range cases {
		if !strings.Contains(m.name, o.only) {
			continue
		}
		theirs, known := w.ask(m.object)
		if !known {
			t.skip(m)
			continue
		}
		own, warnings, err := ours.ask(m.object)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		t.count(m, theirs, own)
		if m.change == "" {
			t.unknown(m, warnings)
		}
	}
	return t.end()
}

// world is everything that upstream consists of.
type world struct {
	definitions map[string]*definition
	operators   map[string]operator
}

// world reads upstream's sources, and makes the cases.
func (o options) world(ctx context.Context) (*world, []manifest, error) {
	ctrl.SetLogger(logr.Discard())
	capabilities.Setup(true, 0) // privileged containers may be asked for
	w := &world{definitions: map[string]*definition{}, operators: operators()}
	for _, dir := range []string{o.training, o.mpi, o.trainer} {
		// The MPI operator keeps its definition among its other manifests.
		for _, folder := range []string{"manifests/base/crds", "manifests/base"} {
			found, err := definitions(filepath.Join(dir, folder))
			if err != nil {
				return nil, nil, err
			}
			for name, d := range found {
				w.definitions[name] = d
			}
		}
	}
	var cases []manifest
	names, seeds, err := documents(o.seeds)
	if err != nil {
		return nil, nil, err
	}
	if missing := uncovered(w.definitions, seeds); len(missing) > 0 {
		return nil, nil, fmt.Errorf("no seed has, and nothing would be asked of:\n%s", strings.Join(missing, "\n"))
	}
	for i, seed := range seeds {
		cases = append(cases, variants(names[i], seed)...)
	}
	for _, dir := range []string{o.cases, o.corpus} {
		if dir == "" {
			continue
		}
		names, others, err := documents(dir)
		if err != nil {
			return nil, nil, err
		}
		for i, each := range others {
			cases = append(cases, manifest{name: names[i], object: each})
		}
	}
	of, err := trainerOperators(ctx, filepath.Join(o.trainer, "manifests/base/runtimes"), seeds)
	for name, operator := range of {
		w.operators[name] = operator
	}
	return w, cases, err
}

// ask says what upstream has against a manifest, and whether it knows its kind.
func (w *world) ask(object map[string]any) (answer, bool) {
	version, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	d, operator := w.definitions[version+" "+kind], w.operators[version+" "+kind]
	if d == nil || operator == nil {
		return nil, false
	}
	object = copied(object).(map[string]any)
	made := generate(object)
	all := metadata(object["metadata"], d.scoped)
	all = append(all, guard(false, func() answer { return d.admit(object) })...)
	if len(all) == 0 {
		all = operator(object)
	}
	for i := range all {
		if made && all[i].path == "metadata.name" {
			all[i].path = "metadata.generateName"
		}
	}
	return all, true
}

// generate makes the name of an object that has only the beginning of one, as an API server does before webhooks are
// asked, and reports whether it did.
func generate(object map[string]any) bool {
	meta, _ := object["metadata"].(map[string]any)
	prefix, _ := meta["generateName"].(string)
	if prefix == "" || meta["name"] != nil {
		return false
	}
	meta["name"] = prefix + "xxxxx"
	return true
}
