package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/smtp"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
)

const (
	relayPatience = 10 * time.Second // for the SMTP server, all in all
	maxRelays     = 32               // mails that wait for it at once
)

// relay gives a mail to the SMTP server, beside the sender, and writes on the message what became
// of it.
func (o *Outbox) relay(ctx context.Context, m Message, version uint64) {
	ctx = context.WithoutCancel(ctx)
	select {
	case o.waiting <- struct{}{}:
	default:
		o.relayed(ctx, m, version, i18n.Errorf("%d mails wait for the SMTP server already", maxRelays))
		return
	}
	o.relays.Go(func() {
		defer func() { <-o.waiting }()
		o.relayed(ctx, m, version, o.deliver(ctx, &m))
	})
}

// relayed writes the result on the message, unless it was deleted meanwhile.
func (o *Outbox) relayed(ctx context.Context, m Message, version uint64, result error) {
	m.Relay = &Relay{Server: o.options.SMTP, At: o.options.Now().UTC().Round(0)}
	if result != nil {
		m.Relay.Error = result.Error()
		o.options.Log.Warn("outbox: mail not relayed", "server", o.options.SMTP, "id", m.ID, "err", result)
	}
	value, err := json.Marshal(&m)
	if err == nil {
		_, err = o.documents.Swap(ctx, "", m.ID, version, value, o.options.Now().Add(o.options.Keep))
	}
	if err != nil && !errors.Is(err, store.ErrSwap) {
		o.options.Log.Warn("outbox: result of a relay not recorded", "id", m.ID, "err", err)
	}
}

// Wait returns when no mail is on its way to the SMTP server.
func (o *Outbox) Wait() { o.relays.Wait() }

// deliver speaks SMTP. A server on another machine is refused, whatever its name resolves to.
func (o *Outbox) deliver(ctx context.Context, m *Message) error {
	ctx, cancel := context.WithTimeout(ctx, relayPatience)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", o.options.SMTP)
	if err != nil {
		return err
	}
	defer conn.Close()
	if peer, ok := conn.RemoteAddr().(*net.TCPAddr); !o.options.Exposed && (!ok || !peer.IP.IsLoopback()) {
		return i18n.Errorf("%s is not on this machine: mails of the lab stay here unless outbox: exposed "+
			"says otherwise", o.options.SMTP)
	}
	if end, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(end); err != nil {
			return err
		}
	}
	host, _, err := net.SplitHostPort(o.options.SMTP)
	if err != nil {
		return err
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return err
	}
	if err := c.Mail(bare(m.From)); err != nil {
		return err
	}
	if err := c.Rcpt(bare(m.To)); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(m.EML()); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}
