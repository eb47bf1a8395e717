package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/igc-lab/igc/internal/i18n"
)

// bar shows how far long work is, at what rate and for how long still: a line redrawn on a
// terminal, and elsewhere a line a second, so that a log stays short.
type bar struct {
	mu    sync.Mutex
	out   io.Writer
	tty   bool
	start time.Time
	last  time.Time
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
	now := time.Now()
	if b.start.IsZero() {
		b.start, b.last = now, now
	}
	if what == "authorities" {
		what = tr("autorités", "authorities")
	}
	var pace string
	if elapsed := now.Sub(b.start).Seconds(); n > 0 && elapsed > 1 {
		rate := float64(n) / elapsed
		pace = i18n.Same(", %.1f/s").Format(rate).In(i18n.FromEnvironment())
		if left := time.Duration(float64(total-n)/rate) * time.Second; left > 0 {
			pace += tr(", encore ", ", left: ") + left.String()
		}
	}
	if !b.tty {
		if n == total || now.Sub(b.last) >= time.Second {
			b.last = now
			fmt.Fprintf(b.out, "%s%s%d/%d%s\n", what, tr(" : ", ": "), n, total, pace)
		}
		return
	}
	const width = 30
	done := width * n / total
	fmt.Fprintf(b.out, "\r%s [%s%s] %d/%d%s \x1b[K", what, strings.Repeat("█", done), strings.Repeat("░", width-done), n, total, pace)
	if n == total {
		fmt.Fprintln(b.out)
	}
}
