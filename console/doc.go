// Package console is the console of the lab: the pages of its desk on which one issues, tests and
// revokes cards, and sees what the lab knows and does.
//
// [New] makes it from the lab and its services. Its pages are an entry page with the last
// handshakes, the cards that the lab issued, the test cards, the form that issues one, the people,
// the clients and sign-ins of Pro Santé Connect, the authorities with their CRLs and OCSP answers
// as clients get them, and the state of the lab with its change feed.
//
// Pages are made by the server and need no script: what scripts do (refresh what is live, copy,
// keys) is beside that. A list reads a page at a time, and looks at a bounded part of the records
// for it, so that it costs the same in a lab of a million.
//
// Every request has a caller ([Options].Caller), whom package access lets see the lab or change it.
// What changes something is a POST with the token of a form of the same browser ([web.Forms]), is
// written in the caller's name, and has its igc command beside it. Private keys are given to the
// owner of the lab alone ([Options].Keys). Pages show no PIN, code or key that the owner has not
// asked for.
package console
