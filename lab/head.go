package lab

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/atomicfile"
)

// headRenewal is how often the head of the change feed is signed.
const headRenewal = 24 * time.Hour

// HeadFile is where the signed head of the change feed stands.
func (l *Lab) HeadFile() string { return filepath.Join(l.Home, "audit.head") }

// WriteHead signs the present head of the change feed and writes it to [Lab.HeadFile].
func (l *Lab) WriteHead(ctx context.Context) error {
	signed, err := l.SignHead(ctx)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(l.HeadFile(), signed, 0o600); err != nil {
		return &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	return nil
}

// ReadHead reads the signed head of a lab, nil when there is none.
func (l *Lab) ReadHead() ([]byte, error) {
	data, err := os.ReadFile(l.HeadFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fail(ca.Unwritable, "cannot read the signed head: %w", err)
	}
	return data, nil
}

// KeepHeadSigned writes the signed head now, each day and, when ctx ends, a last time.
func (l *Lab) KeepHeadSigned(ctx context.Context) error {
	for {
		if err := l.WriteHead(context.WithoutCancel(ctx)); err != nil {
			return err
		}
		select {
		case <-time.After(headRenewal):
		case <-ctx.Done():
			return l.WriteHead(context.WithoutCancel(ctx))
		}
	}
}

// renewHead writes the signed head after a change in a lab that no server runs for, when the last
// one is a day old. What was changed is recorded, whether this succeeds or not; without the
// passphrase it does not.
func (l *Lab) renewHead(ctx context.Context) {
	if info, err := os.Stat(l.HeadFile()); err == nil && time.Since(info.ModTime()) < headRenewal {
		return
	}
	_ = l.WriteHead(ctx)
}
