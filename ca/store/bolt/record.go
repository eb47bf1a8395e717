package bolt

import (
	"encoding/binary"
	"encoding/json"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// A record is stored as the length of its facts (uvarint), its facts (JSON), its DER and a checksum
// of its sequence and of all this. The facts could be read from the DER again; kept beside it they
// make a listing cheap. Status is not among them: it stands by the serial number.
type recordFacts struct {
	Serial    string          `json:"s"`
	Profile   string          `json:"p"`
	Holder    profiles.Holder `json:"h"`
	NotBefore int64           `json:"nb"`
	NotAfter  int64           `json:"na"`
	IssuedAt  int64           `json:"at"`
	OwnKey    bool            `json:"ok,omitempty"`
}

// encodeRecord encodes a record with the checksum of its sequence.
func encodeRecord(r *store.Record, seq uint64) ([]byte, error) {
	facts, err := json.Marshal(recordFacts{r.Serial, r.Profile, r.Holder, r.NotBefore.Unix(), r.NotAfter.Unix(),
		r.IssuedAt.Unix(), r.OwnKey})
	if err != nil {
		return nil, err
	}
	b := binary.AppendUvarint(make([]byte, 0, len(facts)+len(r.DER)+7), uint64(len(facts)))
	b = append(append(b, facts...), r.DER...)
	return binary.BigEndian.AppendUint32(b, checksum(u64(seq), b)), nil
}

// splitRecord takes a stored record apart. One that was written without a checksum ends with its
// DER.
func splitRecord(seq uint64, b []byte) (facts, der []byte, err error) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return nil, nil, damage("record %d", seq)
	}
	facts, rest := b[k:k+int(n)], cryptobyte.String(b[k+int(n):])
	var whole cryptobyte.String
	if !rest.ReadASN1Element(&whole, cbasn1.SEQUENCE) {
		return nil, nil, damage("record %d", seq)
	}
	if len(rest) != 0 && (len(rest) != 4 || binary.BigEndian.Uint32(rest) != checksum(u64(seq), b[:len(b)-4])) {
		return nil, nil, damage("record %d", seq)
	}
	return facts, whole, nil
}

// decodeRecord reads a stored record; authority and status stand elsewhere.
func decodeRecord(r *store.Record, seq uint64, b []byte) error {
	data, der, err := splitRecord(seq, b)
	if err != nil {
		return err
	}
	var facts recordFacts
	if err := json.Unmarshal(data, &facts); err != nil {
		return damage("record %d: %v", seq, err)
	}
	r.Serial, r.Profile, r.Holder, r.OwnKey = facts.Serial, facts.Profile, facts.Holder, facts.OwnKey
	r.NotBefore, r.NotAfter, r.IssuedAt = time.Unix(facts.NotBefore, 0).UTC(), time.Unix(facts.NotAfter, 0).UTC(), time.Unix(facts.IssuedAt, 0).UTC()
	r.DER = append([]byte(nil), der...) // bbolt's memory is only ours during the transaction
	return nil
}
