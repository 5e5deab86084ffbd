package ir

import "strings"

const (
	channelPrefix = "pipelinechannel--"
	itemMark      = "loop-item"
	subvarMark    = "-subvar-"
)

// LoopItem reads the name that the SDK gives to the item of a loop, or to one
// entry of it: loop-item-param-1-subvar-key, with or without a prefix. It
// returns the item's name as loops have it in their itemInput, and the key of
// the entry, empty for the item as a whole.
//
// The SDK refers by such names to items of loops further out or further in than
// the inputs of the components between tell: where a name is not among them, it
// means the item of the loop around.
func LoopItem(name string) (item, key string, ok bool) {
	item, key, _ = strings.Cut(strings.TrimPrefix(name, channelPrefix), subvarMark)
	return channelPrefix + item, key, strings.Contains(item, itemMark)
}

// loopItems are the item inputs of all loops of a spec.
func loopItems(spec *Spec) map[string]bool {
	items := map[string]bool{}
	add := func(c Component) {
		if c.DAG == nil {
			return
		}
		for _, task := range c.DAG.Tasks {
			if task.ParameterIterator != nil {
				items[task.ParameterIterator.ItemInput] = true
			}
		}
	}
	add(spec.Root)
	for _, c := range spec.Components {
		add(c)
	}
	return items
}
