package archive

import (
	"context"
	"errors"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/listing"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// page is a list request in SQL.
type page struct {
	matching *sqlstore.Query // WHERE ... that every item of the list meets
	after    *sqlstore.Query // what the items after the position meet; nil at the start
	order    listing.Order
	size     int
	counted  bool // whether record_counts knows the total
	byUID    bool // whether matching lists the uids, by which the rows are to be looked up

	search     *search // what the directory may be asked; nil for nothing
	known      bool    // whether knownTotal is the total
	knownTotal int64
}

// List returns one page of the records of a kind, with their details only where they are
// asked for.
func (a *Archive) List(ctx context.Context, request *metadatav1.ListRecordsRequest) (*metadatav1.ListRecordsResponse, error) {
	p, err := a.page(request)
	if err != nil {
		return nil, err
	}
	for range overtaken {
		response, err := a.listOnce(ctx, request, *p)
		if !errors.Is(err, errOvertaken) {
			return response, err
		}
	}
	p.search = nil
	return a.listOnce(ctx, request, *p)
}

// overtaken is how often a list is tried with the names in memory while others
// search and change records: they may be ahead of its snapshot.
const overtaken = 3

// listOnce reads the page and the total from one snapshot, or returns
// errOvertaken.
func (a *Archive) listOnce(ctx context.Context, request *metadatav1.ListRecordsRequest, asked page) (*metadatav1.ListRecordsResponse, error) {
	search, turn := searchOf(asked.matching), a.totals.now()
	response := new(metadatav1.ListRecordsResponse)
	if asked.search != nil && a.names != nil {
		if err := a.names.prepare(ctx, a.db, request.GetKind()); err != nil {
			return nil, err
		}
	}
	err := a.db.Read(ctx, func(tx *sqlstore.Tx) error {
		response.Reset()
		p, err := a.narrow(ctx, tx, request.GetKind(), asked)
		if err != nil {
			return err
		}
		records, err := p.records(ctx, tx)
		if err != nil {
			return err
		}
		response.More = len(records) > p.size
		response.Records = records[:min(len(records), p.size)]
		if err := fillIn(ctx, tx, request, response.GetRecords()); err != nil {
			return err
		}
		if p.known {
			response.TotalSize = p.knownTotal
			return nil
		}
		var known bool // asked for only now: what changes from here on is not in the snapshot
		if response.TotalSize, known = a.totals.get(search); known {
			return nil
		}
		response.TotalSize, err = p.total(ctx, tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	a.totals.put(search, response.GetTotalSize(), turn)
	return response, nil
}

// page reads a request.
func (a *Archive) page(request *metadatav1.ListRecordsRequest) (*page, error) {
	where, err := table.Where(a.db.Dialect(), request.GetFilter())
	if err != nil {
		return nil, err
	}
	p := &page{matching: sqlstore.Q("WHERE kind = ?", request.GetKind())}
	p.counted, p.search = grouped(request.GetFilter()), searchFor(request.GetFilter())
	if where != nil {
		p.matching.Add("AND").Append(where)
	}
	if p.size, err = listing.PageSize(request.GetPageSize()); err != nil {
		return nil, err
	}
	if p.order, err = table.Order(request.GetOrderBy(), request.GetDescending()); err != nil {
		return nil, err
	}
	if after := request.GetAfter(); after != nil {
		p.after, err = p.order.After(listing.Position{Value: after.GetValue(), UID: after.GetUid()})
	}
	return p, err
}

// query selects the page and one row more.
func (p *page) query() *sqlstore.Query {
	q := sqlstore.Q("SELECT " + columns + " FROM " + p.from()).Append(p.matching)
	if p.after != nil {
		q.Add("AND").Append(p.after)
	}
	return q.Add(p.order.By()).Add("LIMIT ?", p.size+1)
}

// from is the table, and on SQLite the index to use where it would take one that
// spares it sorting a few rows and looks at all for that.
func (p *page) from() string {
	if p.byUID {
		return "records INDEXED BY sqlite_autoindex_records_1" // of the primary key
	}
	return "records"
}

// records reads the page and one more, which says whether more follow.
func (p *page) records(ctx context.Context, tx *sqlstore.Tx) ([]*metadatav1.Record, error) {
	var records []*metadatav1.Record
	err := tx.Rows(ctx, p.query(), func(scan func(...any) error) error {
		row := new(row)
		if err := scan(row.into()...); err != nil {
			return err
		}
		records = append(records, row.record())
		return nil
	})
	return records, err
}

// total is the number of items of the list.
func (p *page) total(ctx context.Context, tx *sqlstore.Tx) (total int64, err error) {
	if p.counted {
		_, err = tx.Row(ctx, sqlstore.Q("SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM record_counts").Append(p.matching), &total)
		return total, err
	}
	_, err = tx.Row(ctx, sqlstore.Q("SELECT COUNT(*) FROM "+p.from()).Append(p.matching), &total)
	return total, err
}

// fillIn fills in the summaries of the records of a page, and the details that are asked for.
func fillIn(ctx context.Context, tx *sqlstore.Tx, request *metadatav1.ListRecordsRequest, records []*metadatav1.Record) error {
	if len(records) == 0 {
		return nil
	}
	byUID := make(map[string]*metadatav1.Record, len(records))
	uids := make([]any, len(records))
	for i, record := range records {
		byUID[record.GetUid()] = record
		uids[i] = record.GetUid()
	}
	err := contents(ctx, tx, sqlstore.Q("SELECT uid, summary FROM record_summaries WHERE kind = ? AND uid IN", request.GetKind()).List(uids...),
		func(uid string, summary []byte) { byUID[uid].Summary = summary })
	if err != nil || !request.GetDetails() {
		return err
	}
	return contents(ctx, tx, sqlstore.Q("SELECT uid, detail FROM record_details WHERE kind = ? AND uid IN", request.GetKind()).List(uids...),
		func(uid string, detail []byte) { byUID[uid].Detail = detail })
}

// contents reads uids and what belongs to them.
func contents(ctx context.Context, tx *sqlstore.Tx, q *sqlstore.Query, take func(uid string, content []byte)) error {
	return tx.Rows(ctx, q, func(scan func(...any) error) error {
		var uid string
		var content []byte
		if err := scan(&uid, &content); err != nil {
			return err
		}
		take(uid, content)
		return nil
	})
}
