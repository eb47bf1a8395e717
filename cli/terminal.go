package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// The colours of states on a terminal (ECMA-48 SGR).
const (
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	red    = "\x1b[31m"
	faint  = "\x1b[2m"
)

// coloured writes a text in a colour where w is a terminal. NO_COLOR turns colours off
// (https://no-color.org), and so does TERM=dumb.
func coloured(w io.Writer, colour, text string) string {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || !term.IsTerminal(int(f.Fd())) {
		return text
	}
	return colour + text + "\x1b[0m"
}
