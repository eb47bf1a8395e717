package revocation

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
)

// This file asks what a lab serves, as those who check certificates do, and verifies it as they do.

// FetchProblems gets what a running server says of itself at /healthz.
func FetchProblems(ctx context.Context, url string) ([]Problem, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	body, err := web.Fetch(req, 1<<20)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Problems []Problem `json:"problems"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, i18n.Errorf("%s: %w", url, err)
	}
	return answer.Problems, nil
}
