package web

import (
	"strings"

	"github.com/igc-lab/igc/internal/i18n"
)

// Menu is the navigation that the pages of several services share, where one port serves them.
type Menu struct {
	Name   i18n.Text // of the whole
	Home   string    // path of the first page
	Search string    // path that looks for what q says; empty for none
	Items  []MenuItem
}

// MenuItem leads to the pages under a path.
type MenuItem struct {
	Path string
	Text i18n.Text
	Also string // the beginning of the paths of pages that are of it too; empty for none
}

// Current reports whether the page is of this item: the first page, or one below its path.
func (v View) Current(item MenuItem) bool {
	return v.path == item.Path || item.Path != v.Menu.Home && strings.HasPrefix(v.path, item.Path) ||
		item.Also != "" && strings.HasPrefix(v.path, item.Also)
}

// Sought is what the search of the menu was for.
func (v View) Sought() string {
	if v.Menu == nil || v.path != v.Menu.Search {
		return ""
	}
	text := []rune(v.query.Get("q"))
	return visible(string(text[:min(len(text), maxSought)]))
}

// maxSought bounds a text that is searched for, in characters.
const maxSought = 200
