package web

import "github.com/igc-lab/igc/internal/i18n"

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
