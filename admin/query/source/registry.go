package source

import (
	"cmp"
	"context"
	"slices"

	"github.com/perdure/perdure/admin/query/table"
	"github.com/perdure/perdure/metadata/schema"
	"github.com/perdure/perdure/protocol"
)

// registered is a table of what is registered. Its rows are the same on all nodes.
type registered[T any] struct {
	table   *table.Table
	columns []column[T]
	list    func(*schema.Schema) []T
}

func newRegistered[T any](name string, columns []column[T], list func(*schema.Schema) []T,
) *registered[T] {
	return &registered[T]{describe(name, columns, false), columns, list}
}

func (r *registered[T]) describe() *table.Table { return r.table }

func (r *registered[T]) partitions(*Source, *table.Scan) []uint16 { return []uint16{0} }

func (r *registered[T]) open(ctx context.Context, s *Source, _ uint16, q *table.Scan) (
	table.Reader, error,
) {
	return newReader(ctx, r.columns, q, &listed[T]{list: r.list(s.cfg.Schema.Current())}), nil
}

func serviceTable() relation {
	type row = *schema.Service
	str := func(name string, of func(row) string) column[row] {
		return column[row]{name, text, 0, func(v *table.Vector, r *row) { v.AppendString(of(*r)) }}
	}
	columns := []column[row]{
		str("name", func(s row) string { return s.Name }),
		{"revision", table.Uint64, 0, func(v *table.Vector, r *row) { v.AppendInt(int64((*r).Revision)) }},
		{"public", table.Bool, 0, func(v *table.Vector, r *row) { v.AppendBool((*r).Options.Public == nil || *(*r).Options.Public) }},
		str("ty", func(s row) string { return s.Kind.String() }),
		str("deployment_id", func(s row) string { return s.Deployment.String() }),
	}
	return newRegistered("sys_service", columns, (*schema.Schema).Services)
}

func deploymentTable() relation {
	type row = *schema.Deployment
	str := func(name string, of func(row) string) column[row] {
		return column[row]{name, text, 0, func(v *table.Vector, r *row) { v.AppendString(of(*r)) }}
	}
	columns := []column[row]{
		str("id", func(d row) string { return d.ID.String() }),
		str("ty", func(d row) string { return string(d.Kind) }),
		str("endpoint", endpointOf),
		{"created_at", table.Timestamp, 0, func(v *table.Vector, r *row) { putTime(v, (*r).CreatedAt) }},
		{"min_service_protocol_version", table.Uint32, 0, func(v *table.Vector, r *row) {
			v.AppendInt(int64((*r).MinProtocolVersion))
		}},
		{"max_service_protocol_version", table.Uint32, 0, func(v *table.Vector, r *row) {
			v.AppendInt(int64((*r).MaxProtocolVersion))
		}},
		{"services", table.ListString, 0, func(v *table.Vector, r *row) {
			list := []table.Value{}
			for _, s := range (*r).ServicesAt() {
				list = append(list, table.Text(s.Name))
			}
			slices.SortFunc(list, func(a, b table.Value) int { return cmp.Compare(a.Str, b.Str) })
			v.Append(table.Value{Type: table.ListString, List: list})
		}},
	}
	return newRegistered("sys_deployment", columns, (*schema.Schema).Deployments)
}

// kindOf finds what a target is, by what is registered now: the journal has its names only.
func kindOf(s *schema.Schema, t *protocol.Target) {
	r, err := s.Resolve(t.Service, t.Handler)
	switch {
	case err == nil:
		resolved := r.Target(t.Key, t.Scope)
		t.Kind, t.HandlerKind = resolved.Kind, resolved.HandlerKind
	case t.Key != "":
		t.Kind, t.HandlerKind = protocol.KindObject, protocol.HandlerExclusive
	default:
		t.Kind = protocol.KindService
	}
}

// endpointOf is where a deployment is reached.
func endpointOf(d *schema.Deployment) string {
	if d.ARN != "" {
		return d.ARN
	}
	return d.URI
}
