package bolt

import (
	"encoding/binary"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// status is what stands by a serial number: 40 bytes, of which 38 are used. Times are seconds since
// 1970.
//
//	0     0 good, 1 revoked
//	1     reason code; 8 for one that was on hold
//	2-9   revocation
//	10-17 end of validity
//	18-25 invalidity date, 0 without one
//	26-33 the revision that put it on the list
//	34-37 checksum of the serial number, its sequence and the bytes before; 0 in what was written without
type status [40]byte

const statusChecksum = 34

func (s *status) checksum() uint32 { return binary.BigEndian.Uint32(s[statusChecksum:]) }

func newStatus(notAfter time.Time) (s status) {
	binary.BigEndian.PutUint64(s[10:], uint64(notAfter.Unix()))
	return s
}

func (s *status) revoke(v store.Revocation, revision uint64) {
	s[0], s[1] = 1, byte(v.Reason.Code())
	binary.BigEndian.PutUint64(s[2:], uint64(v.At.Unix()))
	if !v.Invalidity.IsZero() {
		binary.BigEndian.PutUint64(s[18:], uint64(v.Invalidity.Unix()))
	}
	binary.BigEndian.PutUint64(s[26:], revision)
}

// release ends a hold. Its date is kept for the delta CRL that takes the certificate off.
func (s *status) release() {
	s[0], s[1] = 0, store.RemoveFromCRL
	clear(s[18:34])
}

func (s *status) revocation() *store.Revocation {
	if s[0] == 0 {
		return nil
	}
	v := &store.Revocation{At: s.time(2), Reason: store.ReasonOf(int(s[1]))}
	if t := s.time(18); t.Unix() != 0 {
		v.Invalidity = t
	}
	return v
}

func (s *status) time(at int) time.Time {
	return time.Unix(int64(binary.BigEndian.Uint64(s[at:])), 0).UTC()
}

func (s *status) order() uint64 { return binary.BigEndian.Uint64(s[26:]) }
