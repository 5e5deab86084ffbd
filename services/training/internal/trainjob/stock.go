package trainjob

import (
	"embed"
	"io/fs"

	"sigs.k8s.io/yaml"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
)

// stock are the runtimes that come with kfmesh, by the names that those of Kubeflow
// Trainer have.
//
//go:embed stock/*.yaml
var stock embed.FS

// Stock returns the built-in runtimes by name. They are part of the binary, so one that
// cannot be read is impossible.
func Stock() map[string]*trainingv1.TrainingRuntime {
	all := map[string]*trainingv1.TrainingRuntime{}
	files, err := fs.Glob(stock, "stock/*.yaml")
	if err != nil {
		panic("trainjob: " + err.Error())
	}
	for _, file := range files {
		text, err := stock.ReadFile(file)
		if err != nil {
			panic("trainjob: " + err.Error())
		}
		data, err := yaml.YAMLToJSON(text)
		if err != nil {
			panic("trainjob: " + file + ": " + err.Error())
		}
		r, err := ParseRuntime(data, "")
		if err != nil {
			panic("trainjob: " + file + ": " + err.Error())
		}
		all[r.Ref.Name] = &trainingv1.TrainingRuntime{
			Metadata: &metav1.ObjectMeta{Name: r.Ref.Name, Uid: "built-in-" + r.Ref.Name, Generation: 1, Labels: r.Labels, Annotations: r.Annotations},
			Kind:     r.Ref.Kind, Manifest: r.Manifest, Warnings: r.Warnings, BuiltIn: true,
		}
	}
	return all
}
