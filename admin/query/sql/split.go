package sql

// Part is one statement of a text with several.
type Part struct {
	Text  string
	Start int // byte offset in the whole text
}

// Split cuts a text at its semicolons; parts without a statement are left out. A text that cannot be
// read is one part: parsing it says why.
func Split(text string) (parts []Part) {
	tokens, err := lex(text)
	if err != nil {
		return []Part{{text, 0}}
	}
	start, empty := 0, true
	for _, t := range tokens {
		end := t.kind == tokEnd || t.kind == tokOp && t.text == ";"
		if !end {
			empty = false
			continue
		}
		if !empty {
			parts = append(parts, Part{text[start:t.pos], start})
		}
		start, empty = t.pos+len(t.raw), true
	}
	return parts
}
