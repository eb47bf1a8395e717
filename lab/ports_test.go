package lab

import (
	"strings"
	"testing"
)

func TestPortRanges(t *testing.T) {
	for ports, want := range map[string]string{
		"8080 8443 8444 8445 8446 1389 8451 8452": "8080, 8443-8446, 1389, 8451-8452",
		"18080 18081 18082":                       "18080-18082",
		"8080":                                    "8080",
		"8081 8080":                               "8081, 8080",
		"http https 1":                            "http, https, 1",
		"":                                        "",
	} {
		if got := PortRanges(strings.Fields(ports)); got != want {
			t.Errorf("%s: %q, want %q", ports, got, want)
		}
	}
}
