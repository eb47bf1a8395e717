package web

import (
	"io"
	"net/http"
	"time"

	"github.com/igc-lab/igc/internal/i18n"
)

// direct uses no proxy: what it asks for is the lab's own.
var direct = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}

// Fetch sends a request to the lab's own servers, past any proxy, and returns at most so many bytes
// of the body. The body of a 503 counts, since /healthz answers so when something fails; any other
// code but 200 is an error.
func Fetch(req *http.Request, most int64) ([]byte, error) {
	resp, err := direct.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err == nil && resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable {
		err = i18n.Errorf("%s %s: %s", req.Method, req.URL, resp.Status)
	}
	return body, err
}
