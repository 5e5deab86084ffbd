// Package expr evaluates the expressions of a compiled pipeline: conditions in
// CEL and the selectors that pick a part of a parameter. It does no I/O.
package expr

// Conditions compiles conditions and keeps their programs. It is safe for
// concurrent use.
type Conditions struct{}

// NewConditions returns an empty set of programs.
func NewConditions() *Conditions { return &Conditions{} }

// Check says with fault.Invalid why an expression cannot be compiled.
func (c *Conditions) Check(expression string) error { panic("soon") }

// Evaluate tells whether the condition holds for the input parameters, which
// the expression reads as inputs.parameter_values['name']. An empty expression
// holds.
func (c *Conditions) Evaluate(expression string, parameters map[string]any) (bool, error) {
	panic("soon")
}
