package engine_test

import (
	"encoding/json"
	"fmt"
)

type m = map[string]any

// pipeline is a spec in the making.
type pipeline struct {
	tasks      m
	components m
	executors  m
	inputs     m
}

func newPipeline() *pipeline {
	return &pipeline{tasks: m{}, components: m{}, executors: m{}, inputs: m{}}
}

// step adds a container task whose image says to the agent's program what to do.
// It has an output parameter "out" of type STRING.
func (p *pipeline) step(name, image string, upstream ...string) m {
	p.executors["exec-"+name] = m{"container": m{"image": image, "command": []string{"true"}}}
	p.components["comp-"+name] = m{
		"executorLabel":     "exec-" + name,
		"outputDefinitions": m{"parameters": m{"out": m{"parameterType": "STRING"}}},
	}
	task := m{
		"taskInfo":       m{"name": name},
		"componentRef":   m{"name": "comp-" + name},
		"dependentTasks": upstream,
		"cachingOptions": m{},
	}
	p.tasks[name] = task
	return task
}

func (p *pipeline) component(step string) m { return p.components["comp-"+step].(m) }

// spec returns the compiled pipeline.
func (p *pipeline) spec() string {
	spec, err := json.Marshal(m{
		"schemaVersion":  "2.1.0",
		"pipelineInfo":   m{"name": "test"},
		"deploymentSpec": m{"executors": p.executors},
		"components":     p.components,
		"root":           m{"dag": m{"tasks": p.tasks}, "inputDefinitions": m{"parameters": p.inputs}},
	})
	if err != nil {
		panic(err)
	}
	return string(spec)
}

// chain is a pipeline of steps s0, s1, ... one after the other.
func chain(length int) string {
	p := newPipeline()
	for i := range length {
		var upstream []string
		if i > 0 {
			upstream = []string{fmt.Sprintf("s%d", i-1)}
		}
		p.step(fmt.Sprintf("s%d", i), "ok", upstream...)
	}
	return p.spec()
}
