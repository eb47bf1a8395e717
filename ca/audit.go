package ca

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// audit appends a line to the lab's audit.log: when, what, which certificate, for whom. It never holds a key or a PIN.
// The records are the truth and are on the disk already; a log that cannot be written is reported all the same.
func (l *Lab) audit(event string, r *Record) error {
	line, err := json.Marshal(struct {
		At        time.Time   `json:"at"`
		Event     string      `json:"event"`
		Authority string      `json:"authority"`
		Serial    string      `json:"serial"`
		Profile   string      `json:"profile"`
		Holder    string      `json:"holder"`
		Revoked   *Revocation `json:"revocation,omitempty"`
	}{l.now(), event, r.Authority, r.Serial, r.Profile, r.Holder.DisplayName(), r.Revoked})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(l.Home, "audit.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fail(Unwritable, "%s %s is recorded, but not in the audit log: %w", event, r.Serial, err)
	}
	if _, err = f.Write(append(line, '\n')); err == nil { // one write: lines of two processes do not mix
		err = f.Close()
	} else {
		f.Close()
	}
	if err != nil {
		return fail(Unwritable, "%s %s is recorded, but not in the audit log: %w", event, r.Serial, err)
	}
	return nil
}
