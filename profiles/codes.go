package profiles

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// FindDepartment is the label of table G09 of a department that somebody wrote: by its code (75,
// 2a, 1), its name, or both, in any case.
func FindDepartment(text string) (string, error) {
	written := norm.NFC.String(strings.TrimFunc(text, invisible))
	if slices.ContainsFunc(Codes("G09"), func(c Code) bool { return c.Label == written }) {
		return written, nil
	}
	code, name := splitCode(written)
	var byCode, byName []Code
	for _, c := range Codes("G09") {
		if code != "" && sameDepartment(c.Code, code) {
			byCode = append(byCode, c)
		}
		if name != "" && departmentKey(c.Label) == departmentKey(name) && !strings.Contains(c.Label, "Ancien Code") {
			byName = append(byName, c)
		}
	}
	shown := abbreviate(text)
	what := label("département", "department")
	switch {
	case code != "" && name != "" && len(byCode) == 1 && len(byName) > 0 && !slices.Contains(byName, byCode[0]):
		return text, wrong("department", "%q se contredit : %s et %s", "%q contradicts itself: %s and %s", shown,
			byCode[0].Label, byName[0].Label)
	case code != "" && name != "" && (len(byCode) == 0 || len(byName) == 0):
		return text, unknownCode("department", what, "G09", text)
	case len(byCode) == 1:
		return byCode[0].Label, nil
	case len(byName) == 1:
		return byName[0].Label, nil
	case len(byName) > 1:
		return text, wrong("department", "%q a plusieurs codes : donnez %s ou %s",
			"%q has several codes: give %s or %s", shown, byName[0].Code, byName[1].Code)
	case code == "20":
		return text, wrong("department", "le département 20 est 2A (Corse-du-Sud) ou 2B (Haute-Corse)",
			"department 20 is 2A (Corse-du-Sud) or 2B (Haute-Corse)")
	}
	if of, ok := departmentOfPostcode(code); ok {
		return text, wrong("department", "%q est un code postal : le département est %s",
			"%q is a postal code: its department is %s", shown, of)
	}
	return text, unknownCode("department", what, "G09", text)
}

// splitCode takes a code and a name apart: "01 - Ain", "Ain (01)", "2A", "Corse-du-Sud".
func splitCode(text string) (code, name string) {
	if open := strings.LastIndexByte(text, '('); open > 0 && strings.HasSuffix(text, ")") {
		code, _, _ = strings.Cut(strings.TrimSpace(text[open+1:len(text)-1]), " ")
		return code, strings.TrimSpace(text[:open])
	}
	first := strings.IndexFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) ||
			strings.ContainsRune("-–—:,/", r)
	})
	if first < 0 {
		first = len(text)
	}
	if text != "" && '0' <= text[0] && text[0] <= '9' {
		return text[:first], strings.TrimLeftFunc(text[first:], func(r rune) bool {
			return unicode.IsSpace(r) ||
				strings.ContainsRune("-–—:,/", r)
		})
	}
	return "", text
}

// sameDepartment compares a code with one that may lack its first zero, or have one too many.
func sameDepartment(code, written string) bool {
	trim := func(s string) string { return strings.TrimLeft(strings.ToUpper(s), "0") }
	return trim(code) == trim(written) && len(written) <= 3 || code == written
}

// departmentKey folds the name of a department: case, accents, articles, hyphens, "St".
func departmentKey(text string) string {
	if open := strings.LastIndexByte(text, '('); open > 0 {
		text = text[:open]
	}
	fields := strings.FieldsFunc(Fold(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, f := range fields {
		switch f {
		case "st":
			fields[i] = "saint"
		case "ste":
			fields[i] = "sainte"
		}
	}
	for len(fields) > 1 && slices.Contains([]string{"departement", "la", "le", "les", "l", "ile"}, fields[0]) {
		fields = fields[1:]
		if len(fields) > 1 && slices.Contains([]string{"de", "du", "des", "d"}, fields[0]) {
			fields = fields[1:]
		}
	}
	return strings.Join(fields, " ")
}

// departmentOfPostcode is the department of a postal code, as the sector writes it.
func departmentOfPostcode(code string) (string, bool) {
	if !digits(code, 5) {
		return "", false
	}
	for _, n := range []int{3, 2} {
		if l, ok := Label("G09", code[:n]); ok {
			return l, true
		}
	}
	if code[:2] == "20" {
		return "2A, 2B", true
	}
	return "", false
}

// FindCode is the code of a table that somebody wrote in any case, alone or before its label.
// Another text is returned as it is.
func FindCode(table, text string) string {
	written := strings.TrimFunc(text, invisible)
	for _, c := range Codes(table) {
		rest, ok := cutFold(written, c.Code)
		if !ok {
			continue
		}
		between := func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("-–—:(),", r) }
		rest = strings.TrimFunc(rest, between)
		if rest == "" || Fold(norm.NFC.String(rest)) == Fold(strings.TrimFunc(c.Label, between)) {
			return c.Code
		}
	}
	return text
}

func cutFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
