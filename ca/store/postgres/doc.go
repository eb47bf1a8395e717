// Package postgres keeps a lab's records in a PostgreSQL database, which any number of processes
// use at once: commands and servers, on one machine or on many.
//
// The tables, made by the files of the folder migrations:
//
//	lab             one row: last number of the feed and its hash, last number of a certificate
//	authorities     certificate, count of changes of status, state of the CRLs
//	certificates    what was issued, in the order of issue; indexes of cards and holders
//	statuses        by authority and serial number; also of what recovery knows only as revoked
//	crl_chunks      entries of the full CRLs, encoded, see crl.go
//	crl_changes     what the delta CRLs hold
//	feed            the change feed, as JSON in the bytes that are hashed
//	documents       state of the services
//	document_kinds  last version of each kind
//	nodes           processes that follow the feed, see nodes.go; not in the write-ahead log
//	igc_schema      migrations made
//
// # Writing
//
// A writer locks the row of lab first, so one transaction writes at a time, over all nodes: the
// numbers of the feed are the order of the commits, no two writers conflict, and what a writer
// reads does not change under it. A process puts its concurrent updates into one transaction, each
// after a savepoint, so that one commit serves them all (writer.go). A view is a transaction that
// only reads, as of one moment (REPEATABLE READ), and waits for nobody.
//
// # Faults
//
// After a lost connection an update runs again, for [patience]. When the connection is lost during
// the commit, the database is asked what became of the transaction. An error of kind Unavailable is
// returned when the database stays away, one of kind Unanswered when nobody knows whether the
// change was written. A server that is stopped in the middle of a transaction (SIGSTOP) loses it
// after some seconds, so that the others go on.
package postgres
