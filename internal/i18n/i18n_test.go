package i18n

import (
	"errors"
	"fmt"
	"go/build"
	"io/fs"
	"strings"
	"testing"
	"time"
)

// An error is printed in both languages, with its arguments, and keeps what it wraps.
func TestError(t *testing.T) {
	end := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	stale := NewError("stale", Text{FR: "périmée depuis le %s", EN: "stale since %s"}, Date(end))
	err := NewError("unavailable", Text{FR: "indisponible : %s (%s, %d)",
		EN: "unavailable: %s (%s, %d)"}, stale, fs.ErrNotExist, 3)
	want := Text{FR: "indisponible : périmée depuis le 22/11/2026 à 12:00:00 UTC (« file does not exist », 3)",
		EN: "unavailable: stale since 2026-11-22 12:00:00 UTC (file does not exist, 3)"}
	if got := TextOf(err); got != want || err.Error() != want.EN {
		t.Errorf("%q, %q", got, err)
	}
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, error(stale)) {
		t.Error("the errors among the arguments are not found")
	}
	var found *Error
	if !errors.As(fmt.Errorf("wrapped: %w", err), &found) || found.Code != "unavailable" {
		t.Errorf("code %+v", found)
	}
	if got := TextOf(fs.ErrNotExist); got != Same("file does not exist") {
		t.Errorf("%q", got)
	}
}

func TestLanguages(t *testing.T) {
	for header, want := range map[string]Language{"": French, "de, en-GB;q=0.8, fr;q=0.5": English, "fr-FR,en": French, "de": French, "EN": English} {
		if got := FromAcceptLanguage(header); got != want {
			t.Errorf("Accept-Language %q: %s, want %s", header, got, want)
		}
	}
	for _, c := range []struct {
		lang, all string
		want      Language
	}{{"", "", English}, {"fr", "en_GB.UTF-8", French}, {"", "fr_FR.UTF-8", French}, {"de", "fr_FR.UTF-8", English}, {"FR", "", French}} {
		t.Setenv("IGC_LANG", c.lang)
		t.Setenv("LC_ALL", c.all)
		t.Setenv("LC_MESSAGES", "")
		t.Setenv("LANG", "")
		if got := FromEnvironment(); got != c.want {
			t.Errorf("IGC_LANG=%s LC_ALL=%s: %s, want %s", c.lang, c.all, got, c.want)
		}
	}
	if French.Other() != English || English.Other() != French {
		t.Error("the other language")
	}
}

// The package is below all others: it imports the standard library only.
func TestImports(t *testing.T) {
	p, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range p.Imports {
		if strings.Contains(path, ".") {
			t.Errorf("imports %s", path)
		}
	}
}
