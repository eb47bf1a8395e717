package web

import (
	"net/http"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
)

// Away tells whether an error is that the lab's database does not answer, and what visitors are
// told of it: the error itself, which names the database, is for the log. Handlers answer it with
// 503 and [AskAgain].
func Away(err error) (text i18n.Text, away bool) {
	switch store.KindOf(err) {
	case store.Unavailable:
		return i18n.Text{FR: "la base de données du labo ne répond pas : rien n'a été fait, réessayez dans quelques " +
			"secondes",
			EN: "the lab's database does not answer: nothing was done, try again in a few seconds"}, true
	case store.Unanswered:
		return i18n.Text{FR: "la base de données du labo a cessé de répondre avant de dire si c'était fait : " +
			"vérifiez, et recommencez sinon",
			EN: "the lab's database stopped answering before it said whether it was done: look, and do it again if " +
				"not"}, true
	}
	return text, false
}

// AskAgain tells a client of an answer 503 when to come back.
func AskAgain(h http.Header) { h.Set("Retry-After", "5") }

// ErrorAway answers with 503 and a text in both languages where an error is that the database does
// not answer.
func ErrorAway(w http.ResponseWriter, err error) (answered bool) {
	text, away := Away(err)
	if away {
		AskAgain(w.Header())
		NoStore(w)
		http.Error(w, text.FR+"\n"+text.EN, http.StatusServiceUnavailable)
	}
	return away
}
