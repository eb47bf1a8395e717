package annuaire

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// gatewayRefusal is what the gateway before the API answers, and not the API: its JSON is that of
// the product that the ANS uses, Gravitee (modelled).
type gatewayRefusal struct {
	Message string `json:"message"`
	Status  int    `json:"http_status_code"`
}

func (g *gatewayRefusal) Error() string { return g.Message }

const keyHeader = "ESANTE-API-KEY"

// admit finds whose call it is, and whether restricted data may be shown.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, settings *Settings, call *Call) (restricted bool,
	err error) {
	key := r.Header.Get(keyHeader)
	found, ok := Key{}, false
	if key != "" {
		keys, err := s.currentKeys(r.Context())
		if err != nil {
			return false, err
		}
		found, ok = keys[keyHash(key)]
	}
	call.Key = found.Name
	switch {
	case ok:
	case key == "":
		if settings.RequireKey {
			call.found("ANN-KEY-MISSING", "")
			return false, &gatewayRefusal{"Unauthorized", http.StatusUnauthorized}
		}
	default:
		call.found("ANN-KEY-UNKNOWN", "")
		if settings.RequireKey {
			return false, &gatewayRefusal{"Unauthorized", http.StatusUnauthorized}
		}
	}
	if settings.Limit {
		if wait := s.within(found.Name); wait > 0 {
			call.found("ANN-LIMIT", "")
			w.Header().Set("X-Rate-Limit-Limit", strconv.Itoa(perSecond))
			w.Header().Set("X-Rate-Limit-Remaining", "0")
			retryAfter(w, wait)
			return false, &gatewayRefusal{"Rate limit exceeded! You reached the limit of 17 requests per 1 seconds",
				http.StatusTooManyRequests}
		}
	}
	return found.Restricted || settings.Restricted, nil
}

// What the real service allows an application.
const (
	perSecond = 17
	perMinute = 1000
)

// window counts the calls of a second and of a minute.
type window struct {
	second, minute     time.Time
	inSecond, inMinute int
}

// within counts a call, and says how long the caller has to wait when there were too many.
func (s *Server) within(key string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.windows[key]
	if x == nil {
		x = &window{}
		s.windows[key] = x
	}
	now := time.Now()
	if now.Sub(x.second) >= time.Second {
		x.second, x.inSecond = now, 0
	}
	if now.Sub(x.minute) >= time.Minute {
		x.minute, x.inMinute = now, 0
	}
	switch {
	case x.inMinute >= perMinute:
		return time.Minute - now.Sub(x.minute)
	case x.inSecond >= perSecond:
		return time.Second - now.Sub(x.second)
	}
	x.inSecond++
	x.inMinute++
	return 0
}

// fault plays the fault of the settings: done tells that the call has its answer, broken that the
// link next has to lead nowhere.
func (s *Server) fault(w http.ResponseWriter, r *http.Request, settings *Settings) (broken, done bool) {
	if settings.Fault == "off" || settings.Fault == "" {
		return false, false
	}
	s.mu.Lock()
	s.number++
	skip := s.number%max(1, settings.FaultEvery) != 0
	s.mu.Unlock()
	if skip {
		return false, false
	}
	switch settings.Fault {
	case "next":
		return true, false
	case "429":
		retryAfter(w, 0)
		s.refuse(w, &gatewayRefusal{"Rate limit exceeded! You reached the limit of 17 requests per 1 seconds", 429})
		return false, true
	case "502":
		s.refuse(w, &gatewayRefusal{"Bad Gateway", http.StatusBadGateway})
		return false, true
	case "504":
		s.refuse(w, &gatewayRefusal{"Request timeout", http.StatusGatewayTimeout})
		return false, true
	}
	if d, err := time.ParseDuration(settings.Fault); err == nil {
		select {
		case <-time.After(d):
		case <-r.Context().Done():
			return false, true
		}
	}
	return false, false
}

func (s *Server) currentSettings(ctx context.Context) (*Settings, error) {
	return s.settings.Get("", func() (*Settings, error) {
		read, err := ReadSettings(ctx, s.Documents)
		return &read, err
	})
}

func (s *Server) currentKeys(ctx context.Context) (map[string]Key, error) {
	return s.keys.Get("", func() (map[string]Key, error) {
		list, err := Keys(ctx, s.Documents)
		read := make(map[string]Key, len(list))
		for _, key := range list {
			read[key.Hash] = key
		}
		return read, err
	})
}
