package revocation

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
)

// This file is about the process as one of several that share the records in a database.

const (
	readyWithin = 3 * time.Second // of the last confirmation of the feed
	clockWarns  = 5 * time.Second
)

// nodeProblems is about this process's link to the records, and its clock.
func nodeProblems(l store.Link) (problems []Problem) {
	if since := time.Since(l.Confirmed); since > readyWithin {
		known := i18n.Text{FR: "n'a plus confirmé depuis %s avoir tous les changements",
			EN: "was last known to have all changes %s ago"}.Format(since.Round(time.Second))
		if l.Confirmed.IsZero() {
			known = i18n.Text{FR: "n'a pas confirmé depuis son départ avoir tous les changements",
				EN: "is not known to have all changes since it started"}
		}
		problems = append(problems, Problem{Level: Warning, What: "feed", Text: i18n.Text{
			FR: "ce nœud %s, et a %d de retard : la base est lente, ou absente ; OCSP y lit chaque état",
			EN: "this node %s, and is %d behind: the database is slow, or away; OCSP reads each status from it",
		}.Format(known, l.Behind)})
	}
	ahead, how := l.Ahead, i18n.Text{FR: "avance", EN: "ahead of"}
	if ahead < 0 {
		ahead, how = -ahead, i18n.Text{FR: "retarde", EN: "behind"}
	}
	if ahead > clockWarns {
		problems = append(problems, Problem{Level: Warning, What: "clock", Text: i18n.Text{
			FR: "l'horloge de cette machine %[2]s de %[1]s sur celle de la base, que suit igc : réglez celle qui est " +
				"fausse (NTP)",
			EN: "the clock of this machine is %[1]s %[2]s the database's, by which igc goes: set the one that is " +
				"wrong (NTP)",
		}.Format(ahead.Round(time.Second), how)})
	}
	return problems
}

// readiness is what /healthz/ready tells.
type readiness struct {
	Ready      bool     `json:"ready"`
	Node       string   `json:"node,omitempty"`                  // its id, see igc store nodes
	Behind     uint64   `json:"behind"`                          // changes
	Confirmed  *float64 `json:"confirmed_seconds_ago,omitempty"` // when it last was known to have all changes
	ClockAhead float64  `json:"clock_ahead_seconds"`             // of the database's
}

// live answers that the process serves.
func live(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprintln(w, "alive")
}

// ready answers whether requests may be sent here: 503 while the records do not answer, or changes
// of other nodes come late. It costs next to nothing: a load balancer asks each second.
func (h *Health) ready(w http.ResponseWriter, _ *http.Request) {
	answer, code := readiness{Ready: true}, http.StatusOK
	if shared := h.lab.Shared(); shared != nil {
		l := shared.Link()
		since := time.Since(l.Confirmed)
		answer = readiness{Ready: since <= readyWithin, Node: l.Node, Behind: l.Behind,
			ClockAhead: l.Ahead.Round(time.Millisecond).Seconds()}
		if !l.Confirmed.IsZero() {
			ago := since.Round(time.Millisecond).Seconds()
			answer.Confirmed = &ago
		}
	}
	if !answer.Ready {
		code = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(answer) // an error is that the client left
}

var (
	mUp        = desc("store_up", "Whether the records could be read for this answer.")
	mNode      = desc("node_info", "This process among those that share the records.", "node")
	mConfirmed = desc("node_confirmed_age_seconds", "Time since the node was last known to have all changes.")
	mBehind    = desc("node_behind_changes", "Changes that the node has not taken.")
	mAhead     = desc("node_clock_ahead_seconds", "The node's clock before the database's.")
	mFailures  = desc("store_failures_total", "Connections to the database that were lost, or not to be had.")
	mConns     = desc("store_connections", "Connections of the pool.", "state")
	mConnsMost = desc("store_connections_max", "Most connections that the pool makes.")
)

// collectNode adds what there is of a node.
func collectNode(l store.Link, add func(*metric, float64, ...string)) {
	add(mNode, 1, l.Node)
	if !l.Confirmed.IsZero() {
		add(mConfirmed, time.Since(l.Confirmed).Seconds())
	}
	add(mBehind, float64(l.Behind))
	add(mAhead, l.Ahead.Seconds())
	add(mFailures, float64(l.Failures))
	add(mConns, float64(l.Used), "used")
	add(mConns, float64(max(0, l.Connections-l.Used)), "idle")
	add(mConnsMost, float64(l.Most))
}
