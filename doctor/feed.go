package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/igc-lab/igc/ca"
)

// feed verifies the change feed, which is the audit log, as igc audit verify does. A feed that is
// too long for that is left to that command.
func (d *diagnosis) feed(ctx context.Context) []Finding {
	remedy := d.igc("audit", "verify")
	soon, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	r, err := bounded(soon, func(ctx context.Context) (*ca.FeedReport, error) {
		signed, err := d.client.Lab.ReadHead()
		if err != nil {
			return nil, err
		}
		return ca.VerifyFeed(ctx, d.client, signed, "")
	})
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return []Finding{{State: Note, Remedy: remedy,
			Message: d.tr("journal trop long pour être vérifié ici", "too long to be verified here")}}
	case err != nil:
		return []Finding{{State: Todo, Message: d.say(err), Remedy: remedy}}
	case r.Broken != "":
		text := d.tr("le journal a été modifié : %s. Comparez igc.db avec une copie",
			"the feed was tampered with: %s. Compare igc.db with a copy")
		return []Finding{{State: Todo, Message: fmt.Sprintf(text, r.Broken), Remedy: remedy}}
	case r.Signed == 0:
		return []Finding{{State: OK, Message: fmt.Sprintf(d.tr("%d entrées enchaînées, pas encore de tête signée",
			"%d chained entries, no signed head yet"), r.Entries)}}
	}
	return []Finding{{State: OK, Message: fmt.Sprintf(d.tr("%d entrées enchaînées, tête signée le %s",
		"%d chained entries, head signed on %s"), r.Entries, r.SignedAt.Local().Format(time.DateTime))}}
}
