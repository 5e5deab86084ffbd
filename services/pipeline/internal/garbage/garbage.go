// Package garbage decides what of finished runs is kept no longer. It is pure:
// it is told what there is and says what goes and why.
//
// A run below the artifact root has a Place. Retention says which finished runs
// go; a place whose run is gone goes but for what other runs use.
package garbage
