package ecps

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// hub wakes those of this process who wait for a change of a document. Others may change it too:
// who waits reads the store from time to time, and a wake-up only makes that sooner.
type hub struct {
	mu     sync.Mutex
	topics map[string]*subscription
}

type subscription struct {
	changed chan struct{}
	waiting int
}

// topic is what one waits for: an activation, or the requests and the device of a person.
func topic(kind store.DocumentKind, key string) string {
	switch kind {
	case devices:
		return tag(key)
	case requests:
		key, _, _ = strings.Cut(key, ".")
	}
	return key
}

// wake wakes those who wait for a topic.
func (h *hub) wake(topic string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.topics[topic]; s != nil {
		close(s.changed)
		delete(h.topics, topic)
	}
}

// watch begins to wait for a topic: before one reads what may change, so that no wake-up is missed.
// leave ends it.
func (h *hub) watch(topic string) (changed <-chan struct{}, leave func()) {
	s := h.join(topic)
	return s.changed, func() { h.leave(topic, s) }
}

// pause returns when the channel is closed, after a time, or when the context ends.
func pause(ctx context.Context, changed <-chan struct{}, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (h *hub) join(topic string) *subscription {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.topics[topic]
	if s == nil {
		if h.topics == nil {
			h.topics = map[string]*subscription{}
		}
		s = &subscription{changed: make(chan struct{})}
		h.topics[topic] = s
	}
	s.waiting++
	return s
}

func (h *hub) leave(topic string, s *subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.waiting--; s.waiting == 0 && h.topics[topic] == s {
		delete(h.topics, topic)
	}
}
