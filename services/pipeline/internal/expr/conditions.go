// Package expr evaluates the expressions of a compiled pipeline: conditions in
// CEL and the selectors that pick a part of a parameter. It does no I/O.
package expr

import (
	"sync"

	"cel.dev/cel-go/cel"

	"github.com/kfmesh/kfmesh/internal/fault"
)

const (
	maxExpression = 64 << 10 // bytes
	maxPrograms   = 1024     // kept; more start over
	maxCost       = 1_000_000
)

// Conditions compiles conditions and keeps their programs. It is safe for
// concurrent use.
type Conditions struct {
	env func() (*cel.Env, error)

	mu       sync.Mutex
	programs map[string]cel.Program // guarded by mu
}

// NewConditions returns an empty set of programs.
func NewConditions() *Conditions {
	return &Conditions{env: sync.OnceValues(environment), programs: map[string]cel.Program{}}
}

// environment declares what a condition reads: the fields of KFP's
// ExecutorInput that the SDK's compiler refers to. The inner map is declared as
// well: an index into a value of unknown type would get the type of its first
// use, and int(...) of it would then refuse a double.
func environment() (*cel.Env, error) {
	values := cel.MapType(cel.StringType, cel.DynType)
	return cel.NewEnv(cel.Variable("inputs", cel.MapType(cel.StringType, values)))
}

// Check says with fault.Invalid why an expression cannot be compiled.
func (c *Conditions) Check(expression string) error {
	_, err := c.program(expression)
	return err
}

// Evaluate tells whether the condition holds for the input parameters, which
// the expression reads as inputs.parameter_values['name']. An empty expression
// holds.
func (c *Conditions) Evaluate(expression string, parameters map[string]any) (bool, error) {
	if expression == "" {
		return true, nil
	}
	program, err := c.program(expression)
	if err != nil {
		return false, err
	}
	if parameters == nil {
		parameters = map[string]any{}
	}
	result, _, err := program.Eval(map[string]any{"inputs": map[string]any{"parameter_values": parameters}})
	if err != nil {
		return false, fault.New(fault.Invalid, "the condition %s cannot be evaluated: %v", expression, err)
	}
	holds, ok := result.Value().(bool)
	if !ok {
		return false, fault.New(fault.Invalid, "the condition %s is %v; it has to be true or false", expression, result.Value())
	}
	return holds, nil
}

// program returns the compiled expression.
func (c *Conditions) program(expression string) (cel.Program, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if program, ok := c.programs[expression]; ok {
		return program, nil
	}
	program, err := c.compile(expression)
	if err != nil {
		return nil, err
	}
	if len(c.programs) >= maxPrograms {
		clear(c.programs)
	}
	c.programs[expression] = program
	return program, nil
}

// compile compiles an expression as it is or, when it is no CEL, with its
// string literals escaped: the SDK writes them as they came.
func (c *Conditions) compile(expression string) (cel.Program, error) {
	if len(expression) > maxExpression {
		return nil, fault.New(fault.Invalid, "the condition is %d bytes long; at most %d are read", len(expression), maxExpression)
	}
	env, err := c.env()
	if err != nil {
		return nil, fault.Internalf(err, "conditions cannot be evaluated")
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		if escaped, changed := escapeLiterals(expression); changed {
			if second, again := env.Compile(escaped); again.Err() == nil {
				ast, issues = second, nil
			}
		}
	}
	if err := issues.Err(); err != nil {
		return nil, fault.New(fault.Invalid, "the condition is no valid CEL: %v", err)
	}
	if t := ast.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, fault.New(fault.Invalid, "the condition has the type %s; it has to be true or false", t)
	}
	program, err := env.Program(ast, cel.CostLimit(maxCost))
	if err != nil {
		return nil, fault.New(fault.Invalid, "the condition cannot be compiled: %v", err)
	}
	return program, nil
}
