// Package bolt keeps a lab's records in one bbolt file, which one process at a time has open.
//
// Buckets:
//
//	lab/format                     version of this layout
//	authorities/ID/certificate     DER of the authority's certificate
//	authorities/ID/revision        count of changes of status: a CRL is stale when it moved
//	authorities/ID/lists           state of the authority's CRLs (JSON), see crl.go
//	authorities/ID/form, listed    form and number of the entries below
//	authorities/ID/dropped         until when expired certificates left the CRL, see restore.go
//	authorities/ID/certs           sequence (8 bytes)          -> record
//	authorities/ID/serials         serial number               -> sequence (0: the certificate is not here), status (40 bytes)
//	authorities/ID/entries         entries of the full CRL, see entries.go
//	authorities/ID/expiries        end of validity, serial number of the entries, see expiries.go
//	authorities/ID/changes         revision                    -> serial number whose status changed
//	issued                         sequence of the whole lab   -> ID, 0, serial
//	cards                          card number, 0, ID, 0, serial -> checksum of the key
//	holders                        identifier, 0, ID, 0, serial  -> checksum of the key
//	feed                           sequence                    -> change (JSON) and its checksum, see feed.go
//	documents/KIND                 key                         -> version, expiry, checksum, value, see documents.go
//	document ends                  expiry, KIND, 0, key        -> checksum of the key
//
// Values hold checksums of their own, since bbolt has none but in its meta pages: see damage.go,
// which also says what damage is detected when.
//
// Concurrent updates are put in one commit, which is on the disk (fdatasync) before any of them
// returns. The file is opened at the first use and closed after the last one; a server keeps it
// open for its whole life ([Store.Lock]).
package bolt
