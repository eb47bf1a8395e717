package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/igc-lab/igc/ca/store"
)

// errClosed is the error of a store that is used after its end.
var errClosed = store.Errorf(store.Internal, "the store is closed")

// failed gives an error of the database its kind. Others stay as they are.
func failed(err error) error {
	var own *store.Error
	if err == nil || errors.As(err, &own) {
		return err
	}
	var refused *pgconn.PgError
	var config *pgconn.ParseConfigError
	switch {
	case errors.As(err, &config):
		return store.Errorf(store.Invalid, "the address of the lab's database is wrong: %w", err)
	case errors.As(err, &refused) && !unavailable(refused.Code):
		return refusal(err, refused)
	case errors.As(err, &refused) && refused.Code == "53300":
		return store.Errorf(store.Unavailable, "the lab's database takes no more connections: raise its "+
			"max_connections, or lower pool_max_conns in the address of each node: %w", err)
	case lost(err):
		return store.Errorf(store.Unavailable, "the lab's database does not answer: %w", err)
	}
	return err
}

// late is the error of a transaction that had not begun when ctx ended: at its deadline, that the
// database does not answer in time.
func late(ctx context.Context) error {
	err := ctx.Err()
	if errors.Is(err, context.DeadlineExceeded) {
		return store.Errorf(store.Unavailable, "the lab's database does not answer: %w", err)
	}
	return err
}

// refusal is the error that a user sees of one of the database, see its documentation, "PostgreSQL
// Error Codes".
func refusal(err error, refused *pgconn.PgError) error {
	switch code := refused.Code; {
	case code == "3D000":
		return store.Errorf(
			store.NotFound,
			"the lab's database is not there: make it with createdb, then igc store migrate: %w",
			err,
		)
	case code == "42P01":
		return store.Errorf(
			store.NotFound,
			"the database has no tables of a lab: igc store migrate makes them: %w",
			err,
		)
	case strings.HasPrefix(code, "28"):
		return store.Errorf(store.Invalid, "the lab's database refuses the user or the password of igc.yaml: %w", err)
	case code == "42501":
		return store.Errorf(store.Unwritable, "the user of igc.yaml may not do this in the lab's database: %w", err)
	case strings.HasPrefix(code, "53"):
		return store.Errorf(store.Unwritable, "the lab's database has no space left: %w", err)
	case code == "XX001", code == "XX002":
		return store.Errorf(
			store.Damaged,
			"the lab's database is damaged: restore a backup of it, and say what the server's log says: %w",
			err,
		)
	}
	return err
}

// unavailable tells whether a code of the database means that it may answer another time, or that
// another server does.
func unavailable(code string) bool {
	switch code {
	case "57P01", "57P02", "57P03", // it stops, crashed, starts
		"57P05", "25P03", // an idle session, or transaction, was ended
		"53300",          // too many connections
		"25006", "25P02", // it became a standby; a transaction that failed
		"55P03", // a lock was not to be had in time
		"57014": // a statement took too long
		return true
	}
	return strings.HasPrefix(code, "08")
}

// lost tells whether an error is that of a connection, so that the same may succeed over another.
func lost(err error) bool {
	if err == nil {
		return false
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return unavailable(refused.Code)
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "conn closed")
}

// conflicts tells whether a transaction failed for another's sake, so that it may succeed again.
func conflicts(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && (refused.Code == "40001" || refused.Code == "40P01")
}
