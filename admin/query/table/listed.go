package table

// Listed reads rows that are in memory, for sources that make up theirs. Columns at the end of a row
// that are left out are NULL.
func Listed(s *Scan, rows [][]Value) Reader { return &listed{s, rows} }

type listed struct {
	scan *Scan
	rows [][]Value
}

func (l *listed) Next(b *Batch) (bool, error) {
	b.Reset()
	for len(l.rows) > 0 && b.Rows < b.Cap() {
		row := l.rows[0]
		l.rows = l.rows[1:]
		for i, c := range l.scan.Columns {
			if c < len(row) {
				b.Columns[i].Append(row[c])
			} else {
				b.Columns[i].AppendNull()
			}
		}
		b.Rows++
	}
	return b.Rows > 0, nil
}

func (*listed) Close() error { return nil }
