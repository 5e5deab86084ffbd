package names

// Text is how many bytes the names take, those that are gone included.
func (t *Table) Text() int { return len(t.text) }
