package web

import (
	"html/template"
	"maps"
	"net/url"
	"strings"

	"github.com/igc-lab/igc/internal/i18n"
)

// frame is what the layout writes around a page. See [functions] for why these are not methods of
// [View].
type frame struct{ v View }

// Frame serves the layout.
func (v View) Frame() frame { return frame{v} }

func (f frame) Site() string          { return f.v.pages.site }
func (f frame) Style() template.HTML  { return f.v.pages.style.element }
func (f frame) Script() template.HTML { return f.v.pages.script.element }
func (f frame) Other() i18n.Language  { return f.v.Lang.Other() }

// InOther is the link to this page, with what its address asks for, in the other language.
func (f frame) InOther() string {
	query := maps.Clone(f.v.query)
	if query == nil {
		query = url.Values{}
	}
	query.Set("lang", string(f.Other()))
	return "?" + query.Encode()
}

// Current reports whether the page is of this item: the first page, or one below its path.
func (f frame) Current(item MenuItem) bool {
	path := f.v.path
	return path == item.Path || item.Path != f.v.Menu.Home && strings.HasPrefix(path, item.Path) ||
		item.Also != "" && strings.HasPrefix(path, item.Also)
}

// Sought is what the search of the menu was for.
func (f frame) Sought() string {
	if f.v.Menu == nil || f.v.path != f.v.Menu.Search {
		return ""
	}
	text := []rune(f.v.query.Get("q"))
	return Visible(string(text[:min(len(text), maxSought)]))
}

// maxSought bounds a text that is searched for, in characters.
const maxSought = 200
