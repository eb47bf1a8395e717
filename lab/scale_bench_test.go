package lab

import (
	"context"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
)

// What a lookup, an issue, a revocation and a page of the list cost in a large lab and in a small
// one, which take turns: "-ratio" is the median in the large one over that in the small one.
// IGC_SCALE says how large, else 100,000.
func BenchmarkScale(b *testing.B) {
	large := 100_000
	if s := os.Getenv("IGC_SCALE"); s != "" {
		var err error
		if large, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	a, err := profiles.ParseAuthority("ACI-FO-PP")
	if err != nil {
		b.Fatal(err)
	}
	type side struct {
		lab     *Lab
		client  *Client
		records []*ca.Record // to be looked up and revoked
		request ca.IssueRequest
	}
	var sides [2]side
	for i, n := range []int{1000, large} {
		lab := newLab(b, Options{})
		if err := lab.Lock(); err != nil {
			b.Fatal(err)
		}
		defer lab.Unlock()
		if err := lab.Seed(b.Context(), cps(b), n, n/10); err != nil {
			b.Fatal(err)
		}
		answering := make(chan error, 1)
		stop, cancel := context.WithCancel(b.Context())
		ready := make(chan struct{})
		go func() { answering <- lab.Serve(stop, nil, nil, func() { close(ready) }) }()
		<-ready
		defer func() {
			cancel()
			if err := <-answering; err != nil {
				b.Error(err)
			}
		}()
		sides[i] = side{lab: lab, client: lab.Client(), request: cps(b)}
	}
	ctx := context.Background()
	for _, work := range []struct {
		name string
		do   func(*side, int) error
	}{
		{"lookup", func(s *side, i int) error { // as a command does, through the server's socket
			_, err := s.client.Find(ctx, s.records[i%len(s.records)].Serial)
			return err
		}},
		{"lookup-inside", func(s *side, i int) error { // some microseconds: a large lab's are not in the processor's cache
			_, err := s.lab.Lookup(ctx, a, s.records[i%len(s.records)].Key().Serial)
			return err
		}},
		{"issue", func(s *side, _ int) error {
			_, err := s.lab.Issue(ctx, s.request)
			return err
		}},
		{"revoke", func(s *side, i int) error {
			_, err := s.lab.Revoke(ctx, s.records[i].Serial, "keyCompromise")
			return err
		}},
		{"list", func(s *side, _ int) error {
			_, err := s.lab.List(ctx, ca.Filter{Newest: true, Limit: 50})
			return err
		}},
		{"card", func(s *side, i int) error {
			_, err := s.client.List(ctx, ca.Filter{Card: s.records[i%len(s.records)].Holder.CardNumber})
			return err
		}},
	} {
		b.Run(work.name, func(b *testing.B) {
			for i := range sides { // good ones, from all over the list
				all, err := sides[i].lab.List(ctx, ca.Filter{Status: ca.Good, EndEntities: true, Limit: 900})
				if err != nil {
					b.Fatal(err)
				}
				if i == 1 {
					all = spread(b, sides[i].lab, 900)
				}
				sides[i].records = all
			}
			var took [2][]time.Duration
			for i := 0; b.Loop(); i++ {
				if i == len(sides[0].records) || i == len(sides[1].records) {
					if work.name == "revoke" {
						b.Fatalf("nothing is left to revoke after %d: give -benchtime 800x", i)
					}
				}
				for turn := range 2 {
					side := (turn + i) % 2
					start := time.Now()
					if err := work.do(&sides[side], i); err != nil {
						b.Fatal(err)
					}
					took[side] = append(took[side], time.Since(start))
				}
			}
			median := func(d []time.Duration) time.Duration {
				slices.Sort(d)
				return d[len(d)/2]
			}
			small, big := median(took[0]), median(took[1])
			b.ReportMetric(float64(big)/float64(small), "large/small")
			b.ReportMetric(float64(big.Microseconds()), "µs-large")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// spread returns good certificates from all over the lab.
func spread(b *testing.B, lab *Lab, n int) (records []*ca.Record) {
	newest, err := lab.List(b.Context(), ca.Filter{Newest: true, Limit: 1})
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		r, err := lab.List(b.Context(), ca.Filter{Status: ca.Good, EndEntities: true, Limit: 1, After: newest[0].Number / uint64(n) * uint64(i)})
		if err != nil {
			b.Fatal(err)
		}
		records = append(records, r...)
	}
	return records
}
