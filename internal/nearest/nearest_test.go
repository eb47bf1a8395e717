package nearest

import "testing"

func TestOf(t *testing.T) {
	known := []string{"generation", "listen", "key", "warn_before", "urls"}
	for word, want := range map[string]string{"generaton": "generation", "liste": "listen", "Key": "key", "kez": "key", "warnbefore": "warn_before",
		"url": "urls", "colour": "", "": "", "k": "", "x": ""} {
		if got := Of(word, known); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}
