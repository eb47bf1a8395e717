package shell

import "testing"

func TestCommand(t *testing.T) {
	if got := Command("igc", "--home", "/home/a b/it's", "card", "unblock", "28"); got != `igc --home '/home/a b/it'\''s' card unblock 28` {
		t.Errorf("a command: %s", got)
	}
}
