package annuaire

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The pages of a search.
const (
	defaultCount = 50
	advisedCount = 200    // what the documentation advises at most
	maxCount     = 10_000 // modelled
)

// What a query may hold, so that it cannot cost more than a search does.
const (
	maxParameters = 100
	maxValues     = 2000
)

// query is a search as it was understood.
type query struct {
	kind       *kind
	criteria   []criterion
	count      int
	total      string // accurate, estimate, none, or empty
	elements   []string
	includes   []include
	revinclude []include
}

// criterion holds a resource to one parameter: it passes when one of the values fits.
type criterion struct {
	param    *param
	modifier string
	values   []string
}

// problem is why a call is refused: its text is what the caller gets.
type problem struct {
	status int
	issue  string // OperationOutcome's code
	text   string
}

func (p *problem) Error() string { return p.text }

// badQuery refuses a query with the words of the ANS's server.
func badQuery(format string, args ...any) error {
	return &problem{400, "exception", fmt.Sprintf(format, args...)}
}

// parseQuery reads what follows the question mark of a search. odd is called with what the real
// server would pass over, or what the documentation advises against.
func parseQuery(k *kind, text string, odd func(Code, string)) (*query, error) {
	q := &query{kind: k, count: defaultCount}
	if !utf8.ValidString(text) {
		return nil, badQuery("The query is not UTF-8, or not encoded as a URL")
	}
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == '&' })
	if len(parts) > maxParameters {
		return nil, badQuery("Too many parameters: %d, %d at most", len(parts), maxParameters)
	}
	values := 0
	for _, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, badQuery("The parameter %q is not encoded as a URL", part)
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, badQuery("The parameter %q is not encoded as a URL", part)
		}
		name, modifier, _ := strings.Cut(name, ":")
		list := split(value)
		if values += len(list); values > maxValues {
			return nil, badQuery("Too many values: %d at most", maxValues)
		}
		if err := q.add(name, modifier, list, odd); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// split parts the values of an OR. A comma after a backslash belongs to a value (FHIR R4
// §3.1.1.4.1).
func split(value string) (list []string) {
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			list = append(list, b.String())
			b.Reset()
		}
	}
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && i+1 < len(value) && strings.IndexByte(`,|$\`, value[i+1]) >= 0:
			i++
			b.WriteByte(value[i])
		case c == ',':
			flush()
		default:
			b.WriteByte(c)
		}
	}
	flush()
	return list
}

// add takes one parameter.
func (q *query) add(name, modifier string, values []string, odd func(Code, string)) error {
	first := ""
	if len(values) > 0 {
		first = values[0]
	}
	switch name {
	case "_count":
		return q.setCount(first, odd)
	case "_total":
		if !slices.Contains([]string{"accurate", "estimate", "none", ""}, first) {
			odd("ANN-TOTAL", first)
			return nil
		}
		q.total = first
		return nil
	case "_elements":
		q.elements = append(q.elements, values...)
		return nil
	case "_include", "_revinclude":
		return q.addIncludes(name, values)
	case "_format":
		if first != "" && !strings.Contains(first, "json") {
			odd("ANN-FORMAT", first)
		}
		return nil
	case "_pretty":
		return nil
	}
	p := q.kind.param(name)
	if p == nil {
		odd("ANN-PARAMETER-UNKNOWN", name)
		return badQuery("Parameter %s not found for resource %s", name, q.kind.name)
	}
	if len(values) == 0 {
		odd("ANN-PARAMETER-EMPTY", name)
		return nil
	}
	if !p.takes(modifier) {
		odd("ANN-MODIFIER", name+":"+modifier)
		modifier = ""
	}
	if p.kind == ofDate {
		for _, v := range values {
			if _, _, err := interval(v); err != nil {
				odd("ANN-DATE", v)
				return badQuery("Invalid date/time format: %q", v)
			}
		}
	}
	q.criteria = append(q.criteria, criterion{p, modifier, values})
	return nil
}

// takes tells whether a modifier means something to a parameter. The ANS's server passes over any
// other.
func (p *param) takes(modifier string) bool {
	switch modifier {
	case "":
		return true
	case "contains", "exact":
		return p.kind == ofString
	case "not":
		return p.kind == ofToken
	}
	return false
}

func (q *query) setCount(value string, odd func(Code, string)) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return badQuery(`The _count parameter must be in the FHIR format with an integer value : "_count=30"`)
	}
	if n > advisedCount {
		odd("ANN-COUNT", value)
	}
	q.count = min(n, maxCount)
	return nil
}

func (q *query) addIncludes(name string, values []string) error {
	known, to := q.kind.includes, &q.includes
	if name == "_revinclude" {
		known, to = q.kind.including, &q.revinclude
	}
	for _, value := range values {
		i := slices.IndexFunc(known, func(i include) bool { return i.String() == value })
		switch {
		case value == "*" && name == "_include":
			*to = append(*to, known...)
		case i < 0:
			return badQuery("Parameter %s not found for resource %s", value, q.kind.name)
		default:
			*to = append(*to, known[i])
		}
	}
	return nil
}

// needs are the parameters whose indexes a search reads.
func (q *query) needs() (names []string) {
	for _, c := range q.criteria {
		if c.param.find == nil || c.wide() {
			names = append(names, c.param.name)
		}
	}
	return names
}

// wide tells whether a value names no code, so that no owner can be found by it.
func (c *criterion) wide() bool {
	for _, v := range c.values {
		if _, code := token(v); c.param.kind == ofToken && code == "" {
			return true
		}
	}
	return false
}

// token parts a token: "system|code". anySystem is the system of a token without a bar.
func token(value string) (system, code string) {
	system, code, bar := strings.Cut(value, "|")
	if !bar {
		return anySystem, value
	}
	return system, code
}

const anySystem = "*"

// prefixes are the comparisons of dates (FHIR R4 §3.1.1.4.6).
var prefixes = []string{"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"}

// layouts are the precisions of a date, and what is the next one.
var layouts = []struct {
	layout string
	next   func(time.Time) time.Time
}{
	{"2006", func(t time.Time) time.Time { return t.AddDate(1, 0, 0) }},
	{"2006-01", func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }},
	{"2006-01-02", func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }},
	{"2006-01-02T15:04", func(t time.Time) time.Time { return t.Add(time.Minute) }},
	{"2006-01-02T15:04Z07:00", func(t time.Time) time.Time { return t.Add(time.Minute) }},
	{"2006-01-02T15:04:05", func(t time.Time) time.Time { return t.Add(time.Second) }},
	{"2006-01-02T15:04:05Z07:00", func(t time.Time) time.Time { return t.Add(time.Second) }},
}

// span is a stretch of time in milliseconds since 1970, its end left out.
type span struct{ from, until int64 }

// interval reads a date: the comparison, and the stretch that its precision means. A time without a
// zone is of UTC, as the documentation says.
func interval(value string) (prefix string, at span, err error) {
	prefix = "eq"
	if len(value) > 2 && slices.Contains(prefixes, value[:2]) {
		prefix, value = value[:2], value[2:]
	}
	value = strings.Replace(value, " ", "+", 1) // a plus that was not encoded
	for _, l := range layouts {
		t, err := time.Parse(l.layout, value)
		if err != nil {
			continue
		}
		if t.Year() < 1 || t.Year() > 9999 {
			break
		}
		end := l.next(t)
		if strings.Contains(value, ".") {
			end = t.Add(time.Millisecond)
		}
		return prefix, span{t.UnixMilli(), end.UnixMilli()}, nil
	}
	return "", span{}, fmt.Errorf("not a date: %q", value)
}

const (
	longAgo = -1 << 62
	farAway = 1 << 62
)

// spans are the times that a comparison lets pass: one stretch, or two.
func spans(prefix string, at span) []span {
	switch prefix {
	case "ne":
		return []span{{longAgo, at.from}, {at.until, farAway}}
	case "gt", "sa":
		return []span{{at.until, farAway}}
	case "lt", "eb":
		return []span{{longAgo, at.from}}
	case "ge":
		return []span{{at.from, farAway}}
	case "le":
		return []span{{longAgo, at.until}}
	case "ap": // a tenth of the distance from now is what FHIR proposes; a day is enough of a register
		const day = 24 * 3600 * 1000
		return []span{{at.from - day, at.until + day}}
	}
	return []span{at}
}
