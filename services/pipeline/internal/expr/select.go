package expr

// Select applies a parameterExpressionSelector such as
// parseJson(string_value)["key"][0] to a value. An empty selector is the value
// itself; a string value is parsed as JSON first.
func Select(selector string, value any) (any, error) { panic("soon") }
