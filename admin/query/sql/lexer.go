package sql

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind is what a token is.
type kind uint8

const (
	tokEnd    kind = iota
	tokWord        // unquoted name or keyword; text is lower case
	tokQuoted      // "name"
	tokString      // 'text'
	tokNumber
	tokParam // $1
	tokOp
)

// token is a piece of the text.
type token struct {
	kind kind
	text string // as it counts: unquoted, unescaped, words in lower case
	raw  string // as it was written
	pos  int
}

// operators, longest first.
var operators = []string{
	"!~~*", "!~*", "!~~", "~~*", "<=>", "->>", "#>>", "!~", "~~", "~*", "::", "<>", "!=", "==", "<=",
	">=", "||", "->", "=>", "@>", "<@", "#>", "<<", ">>", "<", ">", "=", "+", "-", "*", "/", "%", "(", ")", ",", ".", ";",
	"[", "]", "~", "^", "&", "|", "#", ":",
}

// lex cuts a statement into tokens; the last one is the end.
func lex(text string) ([]token, error) {
	var tokens []token
	for i := 0; ; {
		var err error
		if i, err = skipSpace(text, i); err != nil {
			return nil, err
		}
		if i == len(text) {
			return append(tokens, token{kind: tokEnd, pos: i}), nil
		}
		t, next, err := lexOne(text, i)
		if err != nil {
			return nil, err
		}
		t.raw, t.pos = text[i:next], i
		tokens, i = append(tokens, t), next
	}
}

// skipSpace passes over white space and comments.
func skipSpace(text string, i int) (int, error) {
	for i < len(text) {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case unicode.IsSpace(r) || r == '\ufeff':
			i += size
		case strings.HasPrefix(text[i:], "--"):
			end := strings.IndexByte(text[i:], '\n')
			if end < 0 {
				return len(text), nil
			}
			i += end
		case strings.HasPrefix(text[i:], "/*"):
			end, err := skipComment(text, i)
			if err != nil {
				return i, err
			}
			i = end
		default:
			return i, nil
		}
	}
	return i, nil
}

// skipComment passes over a block comment, in which others may be nested.
func skipComment(text string, start int) (int, error) {
	depth := 0
	for i := start; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(text[i:], "*/"):
			i += 2
			if depth--; depth == 0 {
				return i, nil
			}
		default:
			i++
		}
	}
	return start, Errorf(StateSyntax, start, "the comment is not closed")
}

func lexOne(text string, i int) (t token, next int, err error) {
	c := text[i]
	r, _ := utf8.DecodeRuneInString(text[i:])
	switch {
	case c == '\'':
		return lexQuoted(text, i, i, '\'', tokString)
	case c == '"':
		return lexQuoted(text, i, i, '"', tokQuoted)
	case c == '`':
		return lexQuoted(text, i, i, '`', tokQuoted)
	case (c == 'e' || c == 'E') && strings.HasPrefix(text[i+1:], "'"):
		return lexEscaped(text, i)
	case digit(c) || c == '.' && i+1 < len(text) && digit(text[i+1]):
		return lexNumber(text, i)
	case c == '$' && i+1 < len(text) && digit(text[i+1]):
		next = i + 1
		for next < len(text) && digit(text[next]) {
			next++
		}
		return token{kind: tokParam, text: text[i+1 : next]}, next, nil
	case wordStart(r):
		return lexWord(text, i)
	}
	for _, op := range operators {
		if strings.HasPrefix(text[i:], op) {
			return token{kind: tokOp, text: op}, i + len(op), nil
		}
	}
	return t, i, Errorf(StateSyntax, i, "unexpected character %q", r)
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func wordStart(r rune) bool { return r == '_' || unicode.IsLetter(r) }

func lexWord(text string, i int) (token, int, error) {
	next := i
	for next < len(text) {
		r, size := utf8.DecodeRuneInString(text[next:])
		if !wordStart(r) && !unicode.IsDigit(r) && r != '$' {
			break
		}
		next += size
	}
	return token{kind: tokWord, text: strings.ToLower(text[i:next])}, next, nil
}

func lexNumber(text string, i int) (token, int, error) {
	next := i
	digits := func() {
		for next < len(text) && (digit(text[next]) || text[next] == '_') {
			next++
		}
	}
	digits()
	if next < len(text) && text[next] == '.' {
		next++
		digits()
	}
	if next < len(text) && (text[next] == 'e' || text[next] == 'E') {
		mark := next
		next++
		if next < len(text) && (text[next] == '+' || text[next] == '-') {
			next++
		}
		if next == len(text) || !digit(text[next]) {
			next = mark // a word follows, not an exponent
		} else {
			digits()
		}
	}
	return token{kind: tokNumber, text: strings.ReplaceAll(text[i:next], "_", "")}, next, nil
}

// lexQuoted reads up to the closing quote; a doubled one stands for itself.
func lexQuoted(text string, start, i int, quote byte, k kind) (token, int, error) {
	var b strings.Builder
	for i++; i < len(text); i++ {
		if text[i] != quote {
			b.WriteByte(text[i])
			continue
		}
		if i+1 < len(text) && text[i+1] == quote {
			b.WriteByte(quote)
			i++
			continue
		}
		if k == tokQuoted && b.Len() == 0 {
			return token{}, i, Errorf(StateSyntax, start, "a quoted name is empty")
		}
		return token{kind: k, text: b.String()}, i + 1, nil
	}
	return token{}, i, Errorf(StateSyntax, start, "the quote %c is not closed", quote)
}

// lexEscaped reads E'...' with the escapes of C.
func lexEscaped(text string, start int) (token, int, error) {
	var b strings.Builder
	for i := start + 2; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			if at := strings.IndexByte("nrt\\'\"", text[i]); at >= 0 {
				b.WriteByte("\n\r\t\\'\""[at])
			} else {
				b.WriteByte(text[i])
			}
		case c == '\'' && i+1 < len(text) && text[i+1] == '\'':
			b.WriteByte('\'')
			i++
		case c == '\'':
			return token{kind: tokString, text: b.String()}, i + 1, nil
		default:
			b.WriteByte(c)
		}
	}
	return token{}, start, Errorf(StateSyntax, start, "the quote ' is not closed")
}
