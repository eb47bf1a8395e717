package lab_test

import (
	"context"
	"errors"
	"testing"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/postgrestest"
	"github.com/igc-lab/igc/lab"
)

// What one server of a lab does alone no other does meanwhile, nor when it has lost the right to;
// where no other has the records open, nothing is asked.
func TestAlone(t *testing.T) {
	config := lab.DefaultConfig()
	config.Store = postgrestest.Database(t)
	l := labtest.NewEmptyLab(t, config)
	never := func(context.Context) error {
		t.Error("two did it at once")
		return nil
	}
	failure := errors.New("of the work")
	err := l.Alone(t.Context(), "job", func(ctx context.Context) error {
		if err := l.Alone(ctx, "job", never); !errors.Is(err, store.ErrLeaseHeld) {
			t.Errorf("a second: %v", err)
		}
		if err := l.Alone(ctx, "another", func(context.Context) error { return nil }); err != nil {
			t.Errorf("another job: %v", err)
		}
		return failure
	})
	if !errors.Is(err, failure) {
		t.Errorf("the error of the work is %v", err)
	}
	if err := l.Alone(t.Context(), "job", func(context.Context) error { return nil }); err != nil {
		t.Errorf("after the end of the first: %v", err)
	}
	own := labtest.NewCardLab(t, 0)
	ran := 0
	if err := own.Alone(t.Context(), "job", func(ctx context.Context) error {
		return own.Alone(ctx, "job", func(context.Context) error {
			ran++
			return nil
		})
	}); err != nil || ran != 1 {
		t.Errorf("a lab of one process: %v", err)
	}
}
