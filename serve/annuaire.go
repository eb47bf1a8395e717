package serve

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/services/annuaire"
)

// annuairePath is where the desk shows the last calls of the Annuaire's API.
const annuairePath = "/annuaire/"

// records gives the Annuaire one certificate too.
type records struct{ *lab.Lab }

func (r records) Certificate(ctx context.Context, key store.Key) (*ca.Record, error) {
	a, err := profiles.ParseAuthority(key.Authority)
	if err != nil {
		return nil, err
	}
	return r.Lookup(ctx, a, key.Serial)
}

// newAnnuaire makes the Annuaire's API, which learns of every change before its writer goes on.
func newAnnuaire(ctx context.Context, s *services) (*annuaire.Server, error) {
	made, err := madeAt(ctx, s.lab)
	if err != nil {
		return nil, err
	}
	server := annuaire.New(annuaire.Options{People: s.around.People, Records: records{s.lab}, Documents: s.lab,
		Made: made, Now: s.around.Clock.Now, Log: s.log,
		URL: func() string { return urlOf(s.lab, s.lab.Config.Listen.Desk) }})
	for _, watch := range []func(context.Context, func(store.Change)) error{s.lab.WatchIssued, s.lab.WatchStatus,
		s.lab.WatchDocuments} {
		if err := watch(ctx, server.Changed); err != nil {
			return nil, err
		}
	}
	server.KeepCopies(s.feedIsCurrent)
	return server, nil
}

// madeAt is when a lab was made: when its first authority was.
func madeAt(ctx context.Context, l *lab.Lab) (at time.Time, err error) {
	infos, err := l.Authorities(ctx)
	if err != nil {
		return at, err
	}
	for _, info := range infos {
		if c, err := x509.ParseCertificate(info.DER); err == nil && (at.IsZero() || c.NotBefore.Before(at)) {
			at = c.NotBefore
		}
	}
	return at, nil
}

// AnnuaireURLs are where a lab's Annuaire answers, when it is served.
type AnnuaireURLs struct {
	FHIR  string `json:"fhir"`
	Calls string `json:"calls"` // the last calls, as JSON
}

// URLsOfAnnuaire are the addresses of a lab's Annuaire.
func URLsOfAnnuaire(l *lab.Lab) AnnuaireURLs {
	desk := urlOf(l, l.Config.Listen.Desk)
	return AnnuaireURLs{desk + "/fhir/v2", desk + annuairePath + "appels.json"}
}
