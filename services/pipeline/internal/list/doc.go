// Package list is what the KFP list calls share: a filter, an order, a page size
// and a token, read from the request and applied to items in memory.
//
// An order is total: by one key, then by id, both in the same direction, so a
// page continues after the sort value and id of the last item, whatever was
// added or deleted meanwhile. Text is compared byte by byte, and a missing time
// counts as 1970-01-01T00:00:00Z; the metadata service's archive does the same,
// so that a list can be merged from both.
//
// A token is opaque, belongs to one filter and order, and is no secret.
// Everything here is pure.
package list
