package cli

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/services/ecps"
)

// requestFacts is what --json says of an authentication request.
type requestFacts struct {
	ID       string     `json:"id"`
	Person   string     `json:"person"`
	Client   string     `json:"client"`
	Number   string     `json:"number"`
	Choices  []string   `json:"choices"`
	Message  string     `json:"message,omitempty"`
	State    ecps.State `json:"state"`
	Reason   ecps.Code  `json:"reason,omitempty"`
	Created  time.Time  `json:"created"`
	Expires  time.Time  `json:"expires"`
	Answered time.Time  `json:"answered,omitzero"`
	Policy   string     `json:"policy,omitempty"`
}

func describeRequest(r *ecps.Request) requestFacts {
	f := requestFacts{ID: r.ID, Person: r.Person, Client: r.Client(), Number: r.Number, Choices: r.Choices,
		Message: r.Message,
		State:   r.State, Reason: r.Reason, Created: r.Created, Expires: r.Expires, Answered: r.Answered}
	if r.Policy != nil {
		f.Policy = r.Policy.String()
	}
	return f
}

func describeRequests(list []ecps.Request) []requestFacts {
	all := []requestFacts{}
	for _, r := range list {
		all = append(all, describeRequest(&r))
	}
	return all
}

func (p *program) requestTable(w io.Writer, list []requestFacts) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, tr("DEMANDE\tIDENTIFIANT\tSERVICE\tNOMBRE\tÉTAT", "REQUEST\tIDENTIFIER\tSERVICE\tNUMBER\tSTATE"))
	for _, r := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.ID, r.Person, r.Client, r.Number, requestState(r))
	}
	t.Flush()
}

var requestStates = map[ecps.State]i18n.Text{
	ecps.StateSent:     {FR: "envoyée", EN: "sent"},
	ecps.StateOpened:   {FR: "ouverte", EN: "opened"},
	ecps.StateApproved: {FR: "approuvée", EN: "approved"},
	ecps.StateRefused:  {FR: "refusée", EN: "refused"},
	ecps.StateExpired:  {FR: "expirée", EN: "expired"},
	ecps.StateBlocked:  {FR: "bloquée", EN: "blocked"},
}

func requestState(r requestFacts) string {
	text := requestStates[r.State].In(i18n.FromEnvironment())
	if r.Reason != "" {
		text += " (" + string(r.Reason) + ")"
	}
	return text
}

func (p *program) pendingECPS(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	s, err := p.ecpsService(c)
	if err != nil {
		return err
	}
	list, err := s.Pending(c.Context)
	if err != nil {
		return err
	}
	facts := describeRequests(list)
	return p.print(c, facts, func(w io.Writer) {
		if len(facts) == 0 {
			fmt.Fprintln(w, tr("Aucune demande en attente.", "No request is pending."))
			return
		}
		p.requestTable(w, facts)
	})
}

func (p *program) askECPS(c *cli.Context) error {
	s, person, err := p.ecpsOf(c)
	if err != nil {
		return err
	}
	r, err := s.Ask(c.Context, ecps.Asked{Person: person, ClientID: c.String("client"), Number: c.String("number")})
	if err != nil {
		return err
	}
	if !c.Bool("no-wait") && r.State.Pending() {
		fmt.Fprintf(p.err, tr("igc : le nombre est %s ; j'attends le téléphone\n",
			"igc: the number is %s; waiting for the phone\n"), r.Number)
		if r, err = s.Wait(c.Context, r.ID, time.Now().Add(r.Expires.Sub(r.Created)+time.Second)); err != nil {
			return err
		}
	}
	if err := p.printRequest(c, r); err != nil || c.Bool("no-wait") {
		return err
	}
	return r.Err()
}

// printRequest prints what became of a request.
func (p *program) printRequest(c *cli.Context, r *ecps.Request) error {
	f := describeRequest(r)
	return p.print(c, f, func(w io.Writer) {
		fmt.Fprintf(w, tr("Demande %s à %s : %s\n", "Request %s to %s: %s\n"), f.ID, f.Person, requestState(f))
	})
}

// pending returns the pending request that the argument means.
func (p *program) pending(c *cli.Context) (*ecps.Service, *ecps.Request, error) {
	word, err := oneArg(c, tr("l'identifiant d'une personne, ou une demande",
		"the identifier of a person, or a request"))
	if err != nil {
		return nil, nil, err
	}
	if !ecps.IsRequestID(word) {
		if word, err = p.identifier(word); err != nil {
			return nil, nil, err
		}
	}
	s, err := p.ecpsService(c)
	if err != nil {
		return nil, nil, err
	}
	r, err := s.FindPending(c.Context, word, c.String("number"))
	return s, r, err
}

func (p *program) approveECPS(c *cli.Context) error {
	s, r, err := p.pending(c)
	if err != nil {
		return err
	}
	if c.IsSet("pin") && c.String("pin") == "" {
		return ca.Invalidate(errorf("--pin est vide : donnez les quatre chiffres, ou laissez l'option",
			"--pin is empty: give the four digits, or leave the option out"))
	}
	if err := s.Approve(c.Context, "", r.ID, c.String("pin"), c.String("number")); err != nil {
		return err
	}
	return p.becameOf(c, s, r.ID)
}

func (p *program) refuseECPS(c *cli.Context) error {
	s, r, err := p.pending(c)
	if err != nil {
		return err
	}
	if err := s.Refuse(c.Context, "", r.ID); err != nil {
		return err
	}
	return p.becameOf(c, s, r.ID)
}

func (p *program) becameOf(c *cli.Context, s *ecps.Service, id string) error {
	r, err := s.Get(c.Context, id)
	if err != nil {
		return err
	}
	return p.printRequest(c, r)
}
