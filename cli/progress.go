package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// bar shows how far long work is: a line redrawn on a terminal, and nothing elsewhere until the end.
type bar struct {
	mu  sync.Mutex
	out io.Writer
	tty bool
}

func newBar(out io.Writer) *bar {
	b := &bar{out: out}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		b.tty = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return b
}

func (b *bar) show(what string, n, total int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if what == "authorities" {
		what = tr("autorités", "authorities")
	}
	if !b.tty {
		if n == total {
			fmt.Fprintf(b.out, "%s: %d/%d\n", what, n, total)
		}
		return
	}
	const width = 30
	done := width * n / total
	fmt.Fprintf(b.out, "\r%s [%s%s] %d/%d ", what, strings.Repeat("█", done), strings.Repeat("░", width-done), n, total)
	if n == total {
		fmt.Fprintln(b.out)
	}
}
