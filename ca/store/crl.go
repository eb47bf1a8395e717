package store

import "time"

// CRLForm is how a CRL is encoded.
type CRLForm string

// The forms.
const (
	FaithfulCRL CRLForm = "faithful" // as the real CRLs: entries are serial number and date
	RichCRL     CRLForm = "rich"     // with reasons, invalidity dates and the extensions of RFC 5280
)

// CRLState is what is known of an authority's CRLs without reading them.
type CRLState struct {
	Revision uint64 `json:"-"` // count of the changes of status of its certificates: a CRL is stale when it moved

	Number uint64   `json:"number"` // the last one given to a CRL
	Full   CRLIssue `json:"full"`
	Delta  CRLIssue `json:"delta"`
	Base   CRLIssue `json:"base"` // the full CRL that delta CRLs are relative to: the last one that was due

	// Scheduled is when the last full CRL that was due was begun; zero in a lab whose last one an
	// earlier version made.
	Scheduled time.Time `json:"scheduled,omitzero"`
}

// CRLIssue is one issue of a CRL: its number, and the revision and form of what it holds. It is
// recorded before the CRL is signed: whether the CRL was finished is for the reader of its file to
// see.
type CRLIssue struct {
	Number   uint64  `json:"number"`
	Revision uint64  `json:"revision"` // it holds at least the changes up to this one
	Form     CRLForm `json:"form"`
}

// CRLRequest says which CRLs are to be issued.
type CRLRequest struct {
	Full bool // the full CRL too, and not the delta only
	Due  bool // the full CRL is one of the schedule: the delta CRLs that follow are relative to it
	Form CRLForm
	// DropExpired takes the entries of expired certificates off a CRL that is due, once they were
	// on a CRL that was due after they expired (RFC 5280 §3.3). It is the time of the last CRL
	// published; zero keeps them. Their status stays.
	DropExpired time.Time
	// Restore puts entries back, on a CRL that is due, that left it before and would not leave it
	// by DropExpired: the clock was ahead then, or expired certificates were not listed.
	Restore bool
}

// CRLContent is what an authority's CRLs are made of, as of one moment. Its slices may be the
// store's memory: they are only there, and only to be read, during the View that they were read in.
type CRLContent struct {
	At       time.Time // by the clock of the records
	Number   uint64
	Revision uint64
	Base     uint64     // number of the full CRL that the delta is relative to
	Entries  int        // of the full CRL
	Full     []CRLChunk // entries of the full CRL, in the order of their dates
	Changed  int        // entries of the delta CRL
	Changes  []byte     // entries of the delta CRL, DER
}

// CRLChunk is a run of a CRL's entries (RFC 5280 §5.1.2.6), encoded. Two of the same ID and length
// are equal, as long as the form is: so a reader that kept a chunk need not read it again.
type CRLChunk struct {
	ID  [24]byte // its key (16 bytes) and the revision that changed it last
	DER []byte
}
