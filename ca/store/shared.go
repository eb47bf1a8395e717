package store

import (
	"context"
	"time"
)

// Shared is implemented by drivers whose data several processes have open, which may lose it for a
// while without noticing at once.
type Shared interface {
	// Confirmed is a moment at which every follower of this process had taken all that was written
	// by then; zero before the first. An Update of another process waits for this one's followers
	// for a second at most: what is kept because of the feed is given to others only while this is
	// less than a second ago.
	Confirmed() time.Time
	// Nodes are the processes that follow the feed, this one's among them.
	Nodes(ctx context.Context) ([]Node, error)
	// Now is the time by the clock that all processes share, as far as this one knows: its
	// machine's clock, less what that is wrong by.
	Now() time.Time
	// Link is how this process reaches the data. It asks nobody.
	Link() Link
}

// Node is a process that follows the feed of a store.
type Node struct {
	ID      string        `json:"id"` // a new one each time that it starts
	Host    string        `json:"host"`
	PID     int           `json:"pid"`
	Version string        `json:"version"` // of its igc
	Started time.Time     `json:"started"`
	Seen    time.Time     `json:"seen"`
	Ago     time.Duration `json:"-"`      // since it was seen last; it counts as gone after a second
	Behind  uint64        `json:"behind"` // changes that its followers have not taken
}

// Link is how a process reaches the data that it shares with others.
type Link struct {
	Node      string        // the process as a node; empty when it follows nothing
	Confirmed time.Time     // see [Shared]
	Behind    uint64        // changes that its followers had yet to take when it last asked
	Ahead     time.Duration // of the machine's clock before the data's, or negative; within the time of a question
	Failures  uint64        // connections that were lost, or not to be had

	Connections, Used, Most int // of the pool
}
